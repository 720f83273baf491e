from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import Any

import pytest

from datamodules.rows import data_report
from datamodules.rows.data_report import count_reasons, describe, why_empty, write
from datamodules.sources.rows import SetAside

ASIDE = [
    SetAside("mols.csv", 3, "smiles: unclosed ring", "C1CC", "name"),
    SetAside("mols.csv", 5, "longer than 90 tokens: 120", "CCCC", "name"),
    SetAside("mols.csv", 6, "longer than 90 tokens: 99", "=CCC", "name"),
]
REPORT: dict[str, Any] = {
    "sources": {"mols.csv": 1234, "more.csv": 5},
    "tasks": ["name", "draw"],
    "split": "identity",
    "usable": {"train": 1000, "val": 100, "test": 0},
    "rows": {"train": 64, "val": 100},
    "overlap": {"train/val": 0, "train/test": 2},
}


def test_reasons_are_counted_by_kind_the_most_frequent_first() -> None:
    counts = count_reasons(ASIDE)
    assert counts == {"longer than 90 tokens": 2, "smiles: unclosed ring": 1}
    assert list(counts) == ["longer than 90 tokens", "smiles: unclosed ring"]
    assert count_reasons([]) == {}


def test_report_is_one_paragraph() -> None:
    assert describe(REPORT) == (
        "Data: mols.csv (1,234 rows), more.csv (5 rows); name + draw; identity split, using 64 of 1,000 train, 100 of 100 val, "
        "0 of 0 test; shared identities: train/val 0, train/test 2."
    )
    assert describe({**REPORT, "set_aside": count_reasons(ASIDE)}).endswith(
        " Skipped: 2 longer than 90 tokens, 1 smiles: unclosed ring (set_aside.csv)."
    )


def test_files_hold_the_counts_and_a_line_for_each_row_that_was_set_aside(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    said: list[str] = []
    monkeypatch.setattr(data_report, "rank_zero_info", said.append)
    write(REPORT, ASIDE, tmp_path / "new" / "run")
    saved = json.loads((tmp_path / "new" / "run" / "data.json").read_text())
    assert saved == {**REPORT, "set_aside": {"longer than 90 tokens": 2, "smiles: unclosed ring": 1}}
    assert said == [describe(saved)]
    with (tmp_path / "new" / "run" / "set_aside.csv").open(newline="") as file:
        lines = list(csv.DictReader(file))
    assert [(line["file"], line["line"], line["reason"], line["task"]) for line in lines] == [
        (row.file, str(row.line), row.reason, row.task) for row in ASIDE
    ]
    assert [line["text"] for line in lines] == [
        "C1CC",
        "CCCC",
        "'=CCC",
    ]  # no spreadsheet takes it for a formula
    assert "set_aside" not in REPORT


def test_a_run_without_training_rows_is_told_the_first_row_that_was_set_aside() -> None:
    message = why_empty(REPORT, ASIDE)
    assert message.startswith("Expected at least one training row, but got none. Data: mols.csv")
    assert " The first one: mols.csv, line 3: smiles: unclosed ring. " in message
    assert message.endswith("Check the columns and --data.max_length.")
    assert "The first one" not in why_empty(REPORT, [])
