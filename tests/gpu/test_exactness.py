"""The checks of the suite at tiny sizes on a CPU, and that each of them notices what it is about."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch

from tests.gpu import exactness
from tests.gpu.exactness import families, generation, mixed_precision, packing
from tests.gpu.place import Place, check
from tests.helpers.tiny import ARCHITECTURES


def failed(section: Any, folder: Path) -> list[str]:
    return [result["what"] for result in section(Place("cpu", folder)) if not result["passed"]]


@pytest.mark.parametrize("section", [families, mixed_precision, generation, packing])
def test_section_passes_on_a_cpu(section: Any, tmp_path: Path) -> None:
    found = list(section(Place("cpu", tmp_path)))
    assert [result for result in found if not result["passed"]] == []
    for architecture in {"llama", "opt"} | ({*ARCHITECTURES} if section is not packing else set()):
        assert any(result["what"].startswith(architecture) for result in found), architecture


def test_check_refuses_what_is_no_number() -> None:
    assert not check("loss", float("nan"), 1.0)["passed"]


def test_families_notice_another_gradient(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    plain, calls = exactness.loss_and_gradient, [0]

    def every_second_is_off(*args: Any, **options: Any) -> Any:
        loss, gradient = plain(*args, **options)
        calls[0] += 1
        return loss, gradient * (1 + 1e-3 * (calls[0] % 2))

    monkeypatch.setattr(exactness, "loss_and_gradient", every_second_is_off)
    assert len(failed(families, tmp_path)) == len(ARCHITECTURES)


def test_packing_notices_rows_that_see_each_other(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(
        "datamodules.tokens.packing.block_mask",
        lambda segments: torch.full((segments.shape[1],) * 2, torch.finfo(torch.float32).min).triu(1)[
            None, None
        ],
    )
    assert "llama, sdpa: loss and gradient" in failed(packing, tmp_path)


def test_generation_notices_another_text(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    plain, calls = exactness.generate, [0]

    def every_second_is_cut(*args: Any, **options: Any) -> Any:
        found = plain(*args, **options)
        calls[0] += 1
        found.text[0] += "x" * (calls[0] % 2)
        return found

    monkeypatch.setattr(exactness, "generate", every_second_is_cut)
    assert len([what for what in failed(generation, tmp_path) if what.endswith("texts that differ")]) > len(
        ARCHITECTURES
    )
