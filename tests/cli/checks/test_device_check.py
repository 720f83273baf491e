from __future__ import annotations

import os
from typing import Any

import pytest
import torch

from cli.checks.device_check import check_devices, needs_devices


@pytest.fixture
def gpus(monkeypatch: pytest.MonkeyPatch):
    def have(count: int) -> None:
        monkeypatch.setattr(torch.cuda, "device_count", lambda: count)
        monkeypatch.setattr(torch.backends.mps, "is_available", lambda: False)
        monkeypatch.setattr(os, "cpu_count", lambda: 2)

    return have


@pytest.mark.parametrize(
    ("count", "accelerator", "devices", "message"),
    [
        (0, "gpu", "auto", r"--trainer\.accelerator gpu: expected a GPU .* there is none .* --trainer\.accelerator cpu"),
        (0, "mps", 1, "there is none"),
        (2, "gpu", 4, r"--trainer\.devices 4: expected at most 2, since this machine has 2 GPUs"),
        (1, "auto", "3", "expected at most 1, since this machine has 1 GPU"),
        (2, "gpu", [0, 2], "expected indices from 0 to 1"),
        (2, "gpu", "2,", "expected indices from 0 to 1"),
        (0, "auto", 64, r"expected at most 4, since this machine has 2 CPU cores\. .* one process"),
        (0, "cpu", [0, 1], r"expected a number of processes, .*: say --trainer\.devices 2"),
        (0, "auto", 0, "at least 1, -1 for all, or auto"),
    ],
)  # fmt: skip
def test_devices_that_the_machine_lacks_are_told(
    gpus: Any, count: int, accelerator: str, devices: Any, message: str
) -> None:
    gpus(count)
    assert needs_devices(accelerator, devices)
    with pytest.raises(ValueError, match=message):
        check_devices(accelerator, devices)


@pytest.mark.parametrize(
    ("count", "accelerator", "devices"),
    [(0, "auto", "auto"), (0, "cpu", 4), (2, "gpu", 2), (2, "gpu", "0,1"), (1, "auto", -1), (2, "cuda", "auto"), (0, "tpu", 8)],
)  # fmt: skip
def test_devices_that_the_machine_has_are_taken(
    gpus: Any, count: int, accelerator: str, devices: Any
) -> None:
    gpus(count)
    check_devices(accelerator, devices)


def test_pytorch_is_not_asked_without_need() -> None:
    assert not needs_devices("auto", "auto")
    assert not needs_devices(None, None)
    assert not needs_devices("cpu", 1)
