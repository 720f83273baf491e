"""The precision is chosen by the device."""

from __future__ import annotations

import pytest
import torch

from cli import precision as module


@pytest.mark.pitfall(29)
@pytest.mark.parametrize(
    ("units", "accelerator", "precision"),
    [
        (True, "auto", "bf16-mixed"),
        (True, "cpu", "bf16-mixed"),
        (False, "auto", "32-true"),
        (True, "mps", "32-true"),
    ],
)
def test_a_cpu_computes_in_bf16_only_if_it_has_units_for_it(
    monkeypatch: pytest.MonkeyPatch, units: bool, accelerator: str, precision: str
) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setattr(module, "has_bf16_units", lambda: units)
    assert module.choose_precision(accelerator) == precision


@pytest.mark.pitfall(29)
def test_units_are_asked_for_and_not_emulation(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("_is_avx512_bf16_supported", "_is_amx_tile_supported"):
        assert hasattr(torch.cpu, name), "torch has renamed it: bf16 would never be chosen"
        monkeypatch.setattr(torch.cpu, name, lambda: False)
    assert not module.has_bf16_units()


@pytest.mark.parametrize(("supported", "precision"), [(True, "bf16-mixed"), (False, "32-true")])
def test_a_gpu_computes_in_bf16_only_if_it_supports_it(
    monkeypatch: pytest.MonkeyPatch, supported: bool, precision: str
) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "is_bf16_supported", lambda including_emulation: supported)
    assert module.choose_precision("auto") == precision
