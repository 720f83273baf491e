from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from datamodules.sources.building import __main__ as command
from datamodules.sources.building import small
from datamodules.sources.building.small import BUILDERS, SMALL_PINS, describe, main
from datamodules.sources.lookup import BUILT_IN


def test_every_small_set_is_a_source() -> None:
    assert set(BUILDERS) <= set(BUILT_IN)


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(small, "DATA", tmp_path)
    monkeypatch.setattr(command, "version", SMALL_PINS.__getitem__)
    return tmp_path


def test_main_writes_the_named_set_and_keeps_the_counts_of_others(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, text in (("openings", "1. e4"), ("b3db", "CCO")):
        built: Any = ([{"a": text}], {"set_aside": {}})
        monkeypatch.setitem(BUILDERS, name, lambda built=built: built)
        monkeypatch.setattr("sys.argv", ["small", name])
        main()
    counts = json.loads((folder / "small.json").read_text())
    assert list(counts) == ["packages", "b3db", "openings"]
    assert counts["b3db"]["rows"] == 1
    assert pq.read_table(folder / "openings.parquet").to_pylist() == [{"a": "1. e4"}]


def test_unknown_name_is_told(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("sys.argv", ["small", "bbbp"])
    with pytest.raises(SystemExit):
        main()
    assert "expected names of b3db, aqsoldb" in capsys.readouterr().err


def test_other_versions_are_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(command, "version", lambda package: "0.1")
    monkeypatch.setattr("sys.argv", ["small", "openings"])
    with pytest.raises(ValueError, match=r"Expected chemicals==1.5.2, but 0.1 is installed: run `make data`"):
        main()


def test_compound_is_described_by_what_is_known() -> None:
    row = {"inchikey": "K", "smiles": "CCO", "iupac": "ethanol", "formula": "C2H6O"}
    facts = describe(row, {"K": "-114.1"}, {}).facts
    assert facts == {"name": "ethanol", "formula": "C2H6O", "mass": "46.07", "melting_point": "-114.1"}
    assert describe(row, {"K": "-114.1"}, {"K": "1.1"}).facts["solubility"] == "1.1"
