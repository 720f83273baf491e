from __future__ import annotations

from typing import Any

import pytest

from callbacks.reports.end_table import fit_table, format_seconds, kind_cells, result_cells
from callbacks.reports.run_summary import _show


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0.4, "0 s"), (59.6, "1 min 00 s"), (65, "1 min 05 s"), (3600, "1 h 00 min"), (7500, "2 h 05 min")],
)
def test_format_seconds_shows_at_most_two_units(seconds, text):
    assert format_seconds(seconds) == text


def share(name: str, value: float) -> dict[str, float]:
    return {name: value, f"{name}_low": value - 0.04, f"{name}_high": value + 0.04}


def summarize(tasks: dict[str, Any], anchors: list[dict[str, Any]]) -> dict[str, Any]:
    return {
        "tasks": tasks, "anchors": anchors, "units": {"solubility": "log(mol/L)"}, "weights": "best.ckpt", "seconds": 20.0,
        "supervised_tokens_per_second": None, "rows_set_aside": 0, "outputs": {},
    }  # fmt: skip


TOXIC = {
    **share("auroc", 0.912),
    **share("exact_match", 0.8),
    "validity": 1.0,
    "rows": 5416,
    "outcome_exact": 0.8,
}
SOLUBLE = {
    **share("mae_all", 0.6123),
    **share("exact_match", 0.01),
    "validity": 0.98,
    "rows": 5416,
    "outcome_exact": 0.0,
}
NAME = {**share("exact_match", 0.421), "validity": 1.0, "rows": 5416, "outcome_exact": 0.421}


def test_each_task_shows_the_headline_of_its_kind_and_so_do_its_baselines(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("COLUMNS", "200")
    anchors = [
        {"task": "toxic", "system": "most frequent class", "auroc": 0.5, "rows": 5416.0},
        {"task": "solubility", "system": "training mean", "mae_all": 1.8, "rows": 5416.0},
    ]
    _show("test", summarize({"toxic": TOXIC, "solubility": SOLUBLE}, anchors))
    printed = capsys.readouterr().out
    lines = [" ".join(line.split()) for line in printed.splitlines()]
    assert "task headline (95 %) well-formed rows tokens/s time" in lines
    assert "toxic AUROC 0.912 (0.872 to 0.952) - 5,416 - 20 s" in lines
    assert "most frequent class AUROC 0.500 - 5,416" in lines
    assert "solubility MAE 0.61 log(mol/L) (0.57 to 0.65) 98.0 % 5,416 - 20 s" in lines
    assert "training mean MAE 1.80 log(mol/L) - 5,416" in lines
    assert "nan" not in printed
    assert "exact match" not in printed


def test_the_narrow_table_of_all_kinds_fits_80_columns(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    anchors = [
        {"task": "toxic", "system": "7 nearest training molecules", **share("auroc", 0.8), "rows": 5416.0}
    ]
    summary = summarize({"name_small_molecules": NAME, "toxic": TOXIC, "solubility": SOLUBLE}, anchors)
    _show("test", summary)
    printed = capsys.readouterr().out
    table = printed[: printed.index("tokens/s")].splitlines()
    assert max(len(line.rstrip()) for line in table) <= 80
    for cell in (
        "exact match (%)",
        "42.1 (38.1 to 46.1)",
        "MAE (log(mol/L))",
        "0.61 (0.57 to 0.65)",
        "AUROC",
        "right",
    ):
        assert cell in printed
    assert fit_table("t", summary).columns[1].header == "headline\n(95 %)"


def test_the_share_right_is_of_tasks_that_go_by_exact_match() -> None:
    assert kind_cells("toxic", {**TOXIC, "right": 0.8}, has_right=True)[2] == "-"
    assert kind_cells("name", {**NAME, "right": 0.466}, has_right=True)[2] == "46.6 %"
    assert kind_cells("name", {"rows": 3}, has_right=False) == ["name", "-", "-", "3"]
    assert result_cells("name", {"rows": 3}) == ["name", "-", "-", "3"]
