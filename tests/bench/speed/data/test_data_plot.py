from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import pytest

from bench.speed.data.data_plot import draw_data, series


def result(rows: int, seconds: float, case: str = "text", start: str = "cold") -> dict[str, Any]:
    return {"case": case, "start": start, "rows": rows, "data": seconds}


def test_lines_of_the_plot_are_medians_of_the_rounds_by_size() -> None:
    found = series(
        [result(100, 5), result(10, 1), result(100, 9), result(100, 7), result(10, 3, start="warm")]
    )
    assert found == {("text", "cold"): [(10, 1), (100, 7)], ("text", "warm"): [(10, 3)]}


def test_plot_is_the_same_for_the_same_results(tmp_path: Path) -> None:
    results = [result(10**4, 1), result(10**6, 80), result(10**4, 2, "molecules")]
    one, same, other = (tmp_path / "docs" / name for name in ("one.svg", "same.svg", "other.svg"))
    draw_data(results, one)
    draw_data(results, same)
    draw_data([*results, result(10**5, 50)], other)
    assert one.read_bytes() == same.read_bytes() != other.read_bytes()
    assert b"<svg" in one.read_bytes()


def test_plot_stays_as_it_is_without_results_or_matplotlib(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "picture.svg"
    path.write_text("before")
    draw_data([], path)
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    draw_data([result(10, 1)], path)
    assert path.read_text() == "before"
    assert "drawing needs matplotlib" in capsys.readouterr().err
