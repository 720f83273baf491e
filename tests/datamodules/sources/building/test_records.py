from __future__ import annotations

from pathlib import Path

import pytest

from datamodules.sources.building import records
from datamodules.sources.building.records import (
    PUBCHEM_FILES,
    Record,
    package_folder,
    read_b3db,
    read_chemicals,
)


def test_records_of_chemicals_have_structure_and_names(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "Identifiers").mkdir()
    row = "702\t64-17-5\tC2H6O\t46.07\tCCO\tC2H6O/c\tLFQSC\tethanol\tethyl alcohol\t64-17-5\tethanol\t\n"
    for file in PUBCHEM_FILES:
        (tmp_path / "Identifiers" / file).write_text(row if "large" in file else "")
    monkeypatch.setattr(records, "package_folder", lambda _: tmp_path)
    assert list(read_chemicals()) == [Record("chemicals", "CCO", ("ethanol", "ethyl alcohol"))]


def test_records_of_b3db_have_structure_and_names(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    text = (
        "NO.\tcompound_name\tIUPAC_name\tSMILES\n1\taspirin\t2-acetyloxybenzoic acid\tCC(=O)Oc1ccccc1C(=O)O\n"
    )
    (tmp_path / "B3DB_classification.tsv").write_text(text)
    monkeypatch.setattr(records, "package_folder", lambda _: tmp_path)
    assert list(read_b3db()) == [
        Record("b3db", "CC(=O)Oc1ccccc1C(=O)O", ("2-acetyloxybenzoic acid", "aspirin"))
    ]


def test_missing_package_is_an_error() -> None:
    with pytest.raises(
        ValueError, match="Expected the package no_such_package, but it is not installed: run `make data`"
    ):
        package_folder("no_such_package")
