"""Answers in one notation or another, counted from a table."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from bench.release import answered_in
from bench.release.answered_in import count_answers

TABLE = """task,prediction,target
iupac_to_selfies,OCC,[C][C][O]
iupac_to_selfies,[O][C][C],[C][C][O]
iupac_to_selfies,[C],[C][C][O]
iupac_to_selfies,ethanol,[C][C][O]
other,C,C
"""


def test_line_has_the_share_of_each_notation(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(answered_in, "RESULTS", tmp_path / "lines.jsonl")
    (tmp_path / "table.csv").write_text(TABLE, encoding="utf-8")
    answered_in.main([str(tmp_path / "table.csv"), "--model", "mine"])
    line = json.loads((tmp_path / "lines.jsonl").read_text(encoding="utf-8"))
    assert (line["model"], line["rows"]) == ("mine", 4)
    assert [line[key] for key in ("smiles", "smiles_right", "selfies", "selfies_right")] == [
        0.25,
        0.25,
        0.5,
        0.25,
    ]


def test_table_without_rows_of_the_task_is_refused() -> None:
    with pytest.raises(ValueError, match="has none"):
        count_answers([])
