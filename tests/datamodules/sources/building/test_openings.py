from __future__ import annotations

import json
from pathlib import Path

import pytest

from datamodules.sources.building import openings
from datamodules.sources.building.openings import make_rows, read_openings

SICILIAN = {"src": "eco_tsv", "eco": "B20", "moves": "1. e4 c5", "name": "Sicilian Defense: Open, Main Line"}


def test_only_openings_from_the_free_list_are_kept() -> None:
    rows, reasons = make_rows(
        [
            SICILIAN,
            SICILIAN | {"name": "again"},
            SICILIAN | {"src": "scid", "moves": "1. d4"},
            SICILIAN | {"moves": "e2e4"},
            SICILIAN | {"moves": "1. a4", "eco": "A00", "name": "Ware Opening"},
        ]
    )
    assert rows == [
        {"moves": "1. a4", "name": "Ware Opening", "family": "Ware Opening", "eco": "A00", "volume": "A"},
        {
            "moves": "1. e4 c5",
            "name": "Sicilian Defense: Open, Main Line",
            "family": "Sicilian Defense",
            "eco": "B20",
            "volume": "B",
        },
    ]
    assert reasons == {
        "from a list without a clear licence": 1,
        "no moves, no name or no code": 1,
        "the same moves again": 1,
    }


def test_volumes_are_read_one_after_the_other(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "open").mkdir()
    for volume in "ABCDE":
        (tmp_path / "open" / f"eco{volume}.json").write_text(json.dumps({"fen": {"eco": f"{volume}00"}}))
    monkeypatch.setattr(openings, "package_folder", lambda module: tmp_path)
    assert [opening["eco"] for opening in read_openings()] == ["A00", "B00", "C00", "D00", "E00"]
