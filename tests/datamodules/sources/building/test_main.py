from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
from rdkit import Chem

from datamodules.sources.building import __main__ as command
from datamodules.sources.building.__main__ import PINS, SCHEMA, build, check_versions, write_table
from datamodules.sources.building.records import Record

MEANINGS = {
    "ethanol": "CCO",
    "ethyl alcohol": "CCO",
    "2-oxidanylpropanoic acid": "CC(O)C(=O)O",
    "2-hydroxypropanoic acid": "CC(O)C(=O)O",
    "N-methylacetamide": "CNC(C)=O",
    "(2R)-butan-2-ol": "CC[C@@H](C)O",
    "benzene": "c1ccccc1",
}
RECORDS = [
    Record("chemicals", "OCC", ("ethanol", "ethyl alcohol", "spirit of wine", "2-oxidanylpropanoic acid")),
    Record("chemicals", "CC(O)C(O)=O", ("2-oxidanylpropanoic acid",)),
    Record("chemicals", "CC(O)=NC", ("n-methylacetamide",)),
    Record("chemicals", "nonsense", ("benzene",)),
    Record("chemicals", "CCCC", ("trade name",)),
    Record("ccd", "CC[C@@H](C)O", ("(2R)-BUTAN-2-OL",)),
    Record("ccd", "CC[C@H](C)O", ("(2R)-BUTAN-2-OL",)),
    Record("b3db", "CC(O)C(=O)O", ("2-hydroxypropanoic acid",)),
    Record("b3db", "CCO", ("ethyl alcohol",)),
]


class FakeOpsin:
    def __init__(self, cache: Path, output: str) -> None:
        self.output = output
        self.warnings: dict[str, str] = {}

    def ask(self, names: Any) -> None:
        list(names)

    def __getitem__(self, name: str) -> str:
        smiles = MEANINGS.get(name, "")
        return (
            Chem.MolToInchiKey(Chem.MolFromSmiles(smiles))
            if smiles and self.output == "stdinchikey"
            else smiles
        )


@pytest.fixture
def built(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> tuple[list[dict[str, Any]], dict[str, Any]]:
    monkeypatch.setattr(command, "Opsin", FakeOpsin)
    for reader, source in (("read_chemicals", "chemicals"), ("read_ccd", "ccd"), ("read_b3db", "b3db")):
        rows = [record for record in RECORDS if record.source == source]
        monkeypatch.setattr(command, reader, lambda rows=rows: iter(rows))
    table, numbers = build(tmp_path)
    assert table.schema.equals(SCHEMA)
    return table.to_pylist(), numbers


def test_molecules_have_one_row_with_verified_names_only(
    built: tuple[list[dict[str, Any]], dict[str, Any]],
) -> None:
    rows = {row["smiles"]: row for row in built[0]}
    assert set(rows) == {"CCO", "CC(O)C(=O)O", "CNC(C)=O", "CC[C@@H](C)O"}
    assert rows["CCO"] == {
        "inchikey": "LFQSCWFLJHTTHZ-UHFFFAOYSA-N",
        "smiles": "CCO",
        "iupac": "ethanol",
        "synonyms": ["ethyl alcohol"],
        "formula": "C2H6O",
        "source": "chemicals",
        "has_stereo": False,
        "components": 1,
    }
    assert [row["inchikey"] for row in built[0]] == sorted(row["inchikey"] for row in built[0])


def test_conventional_name_of_a_later_package_is_the_primary_one(
    built: tuple[list[dict[str, Any]], dict[str, Any]],
) -> None:
    (row,) = [row for row in built[0] if row["smiles"] == "CC(O)C(=O)O"]
    assert (row["iupac"], row["source"]) == ("2-hydroxypropanoic acid", "b3db")
    assert row["synonyms"] == ["2-oxidanylpropanoic acid"]


def test_structure_is_the_tautomer_that_the_name_states(
    built: tuple[list[dict[str, Any]], dict[str, Any]],
) -> None:
    (row,) = [row for row in built[0] if row["iupac"] == "N-methylacetamide"]
    assert row["smiles"] == "CNC(C)=O"
    assert built[1]["smiles_follow_name"] == 1


def test_counts_cover_rows_records_and_set_aside(built: tuple[list[dict[str, Any]], dict[str, Any]]) -> None:
    rows, numbers = built
    assert numbers["rows"] == len(rows) == 4
    assert numbers["rows_per_source"] == {"chemicals": 2, "ccd": 1, "b3db": 1}
    assert numbers["records_per_source"] == Counter(record.source for record in RECORDS)
    assert numbers["set_aside"] == {
        "chemicals": {
            "no structure that RDKit can read": 1,
            "no name that OPSIN reads as the same molecule": 1,
        },
        "ccd": {"no name that OPSIN reads as the same molecule": 1},
        "b3db": {"no name that OPSIN reads as the same molecule": 0},
    }
    assert (numbers["synonyms"], numbers["has_stereo"], numbers["single_component"]) == (2, 1, 4)


def test_build_stops_at_another_version_of_a_package(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(command, "version", lambda package: PINS[package])
    check_versions()
    monkeypatch.setattr(command, "version", lambda package: "9.9" if package == "biotite" else PINS[package])
    with pytest.raises(
        ValueError, match=r"Expected biotite==1\.6\.0, but 9\.9 is installed: run `make data`"
    ):
        check_versions()


def test_build_stops_at_a_missing_package(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(command, "PINS", {"no-such-package": "1.0"})
    with pytest.raises(ValueError, match=r"Expected no-such-package==1\.0, but none is installed"):
        check_versions()


def test_data_file_is_written_whole_and_reproducible(
    built: tuple[list[dict[str, Any]], dict[str, Any]], tmp_path: Path
) -> None:
    table = command.to_table([command.Pair(**row) for row in reversed(built[0])])
    write_table(table, tmp_path / "a" / "data.parquet")
    write_table(table, tmp_path / "b" / "data.parquet")
    assert (tmp_path / "a" / "data.parquet").read_bytes() == (tmp_path / "b" / "data.parquet").read_bytes()
    assert [path.name for path in (tmp_path / "a").iterdir()] == ["data.parquet"]
    assert pq.read_table(tmp_path / "a" / "data.parquet").to_pylist() == built[0]
