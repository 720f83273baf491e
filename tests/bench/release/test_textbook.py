"""The page from measured lines, and the measurement with a test that is not run."""

from __future__ import annotations

import csv
import json
from collections.abc import Sequence
from pathlib import Path

import pytest

from bench.release.flagship.card_tables import describe_textbook
from bench.release.flagship.parts import PARTS as FLAGSHIP
from bench.release.textbook import PAGE, PARTS, RESULTS, measure, write_page
from bench.studies import one_test
from bench.studies.results import Result, read_results

METRICS = {f"{share}{end}": value for share, value in (("exact_match", 0.5), ("outcome_exact", 0.5), ("outcome_equivalent", 0.25))
           for end in ("", "_low", "_high")}  # fmt: skip


def test_a_line_has_the_shares_and_all_wrong_answers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    rows = {
        "draw": [
            ["ethanol", "CCO", "CCO", "exact"],
            ["water", "O", "[OH2]", "equivalent"],
            ["methanol", "CO", "CCO", "formula"],
        ],
        "name": [["CO", "methanol", "methanl", "invalid"]],
    }

    def run(arguments: Sequence[str], folder: Path) -> None:
        assert arguments[0] == "test"
        assert arguments[arguments.index("--data.test_source") + 1] == "textbook"
        task = arguments[arguments.index("--data.task") + 1]
        run = folder / "runs" / "once"
        (run / "test" / "predictions").mkdir(parents=True)
        tasks = {task: {"rows": 4, **METRICS}}
        (run / "summary.json").write_text(json.dumps({"test": {"tasks": tasks}}))
        with (run / "test" / "predictions" / "test_epoch_0.csv").open("w", newline="") as file:
            csv.writer(file).writerows([["input", "target", "prediction", "outcome"], *rows[task]])

    monkeypatch.setattr(one_test, "run_train", run)
    (tmp_path / "mine.yaml").write_text("data: {task: 'draw,name'}\n")
    draw, name = measure("mine", tmp_path / "mine.yaml")
    assert (draw["task"], draw["model"], draw["rows"], draw["exact_match"]) == ("draw", "mine", 4, 0.5)
    assert draw["wrong"] == [["methanol", "CO", "CCO", "wrong formula"]]
    assert name["wrong"] == [["CO", "methanol", "methanl", "not well-formed"]]


def line(day: str, right: float, wrong: list[list[str]]) -> Result:
    shares = {f"{share}{end}": right for share in ("exact_match", "right") for end in ("", "_low", "_high")}
    return {"model": "mine", "day": day, "task": "draw", "rows": 200, "wrong": wrong, **shares}


def test_page_has_all_shares_and_the_wrong_answers_of_the_last_line() -> None:
    page = write_page(
        [line("2026-01-01", 0.5, [["water", "O", "N", "wrong formula"]]), line("2026-01-02", 1.0, [])]
    )
    assert "| mine | 2026-01-01 | draw | 50.0 % (50.0 to 50.0) | 50.0 % (50.0 to 50.0) | 200 |" in page
    assert "| mine | 2026-01-02 | draw | 100.0 % (100.0 to 100.0)" in page
    assert "## mine, draw: wrong answers\n\nNone." in page
    assert "water" not in page


def test_committed_page_is_made_of_the_committed_lines_and_stands_in_the_flagships_card() -> None:
    lines = read_results(RESULTS, PARTS)
    assert PAGE.read_text(encoding="utf-8") == write_page(lines)
    last = {one["task"]: one for one in lines if one["model"] == "flagship"}
    for part in FLAGSHIP.values():
        assert describe_textbook([last[part.task]], part) in (part.folder / "README.md").read_text(
            encoding="utf-8"
        )
        assert describe_textbook([], part) == ""
