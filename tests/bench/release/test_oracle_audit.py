"""What OPSIN makes of true names, told apart by the structures' stereo."""

from __future__ import annotations

import pytest

from bench.release import oracle_audit
from bench.release.oracle_audit import (
    OUTCOMES,
    PAGE,
    PARTS,
    RESULTS,
    STEREO,
    audit,
    find_stereo,
    judge,
    write_page,
)
from bench.studies.results import read_results
from datamodules.notations.molecules.structure import Molecule, read
from datamodules.workers.opsin import Reading


def molecule(smiles: str) -> Molecule:
    found = read(smiles)
    assert isinstance(found, Molecule)
    return found


@pytest.mark.parametrize(
    ("smiles", "kind"),
    [
        ("CC(O)N", "none"), ("C[C@H](O)N", "atoms"), ("F/C=C\\F", "bonds"), ("FC=CF", "none"),
        ("C[C@H](O)/C=C/F", "atoms and bonds"),
    ],
)  # fmt: skip
def test_stereo_is_what_the_structure_specifies(smiles: str, kind: str) -> None:
    assert find_stereo(molecule(smiles)) == kind


@pytest.mark.parametrize(
    ("reading", "outcome"),
    [
        (Reading("N[C@@H](O)C", None), "right"),
        (Reading("N[C@@H](O)C", None, "", "relative stereo"), "ambiguous"),
        (Reading("C[C@@H](O)N", None), "stereo"),
        (Reading("CC(O)N", None), "stereo"),
        (Reading("C[C@H]([O-])N", None), "tautomer"),
        (Reading("CCCO", None), "other"),
        (Reading(None, "unknown name part"), "unread"),
    ],
)
def test_a_reading_has_one_outcome(reading: Reading, outcome: str) -> None:
    assert judge(reading, molecule("C[C@H](O)N")) == outcome


def test_each_readable_pair_is_counted_once_and_by_its_stereo(monkeypatch: pytest.MonkeyPatch) -> None:
    meanings = {"a": "CCO", "b": None, "c": "F/C=C/F", "d": "C"}
    monkeypatch.setattr(
        oracle_audit, "read_names", lambda names: [Reading(meanings[name], None) for name in names]
    )
    lines = audit([("OCC", "a"), ("CCN", "b"), ("F/C=C\\F", "c"), ("no molecule", "d")], "mine")
    assert [line["kind"] for line in lines] == ["all", *STEREO]
    found = {line["kind"]: {name: line[name] for name in OUTCOMES if line[name]} for line in lines}
    assert found["all"] == {"right": 1, "unread": 1, "stereo": 1}
    assert (found["none"], found["bonds"]) == ({"right": 1, "unread": 1}, {"stereo": 1})
    page = write_page(lines)
    assert "## mine" in page
    assert "| all | 33.3 % (6.1 to 79.2) | 0.0 % | 33.3 % | 0.0 % | 0.0 % | 33.3 % | 3 |" in page


def test_committed_page_is_made_of_the_committed_lines() -> None:
    assert PAGE.read_text(encoding="utf-8") == write_page(read_results(RESULTS, PARTS))
