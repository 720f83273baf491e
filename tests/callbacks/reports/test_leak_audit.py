from __future__ import annotations

import csv
import json
import os
from dataclasses import replace

import pytest

from callbacks.metrics.round_trip import RoundTrip
from callbacks.reports.audit_report import AuditReport, count_findings, describe_audit
from callbacks.reports.leak_audit import Finding, audit
from callbacks.reports.run_summary import RunSummary
from callbacks.rows.notation_calls import NotationCalls
from callbacks.rows.training_molecules import TrainingMolecules
from datamodules.choices import Choices
from datamodules.rows.side_texts import SideTexts
from datamodules.rows.training_record import record_rows
from datamodules.storage.text_columns import TextColumn
from tests.helpers.callback_stubs import Pair, ScriptedModel, StubData, make_trainer
from tests.helpers.fake_opsin import fake_opsin

MEANINGS = {
    "ethanol": "C(C)O", "propane": "CCC", "L-alanine": "N[C@@H](C)C(=O)O", "pyridin-2-ol": "N1=C(C=CC=C1)O",
    "phenol": "C1(=CC=CC=C1)O", "toluene": "C1(=CC=CC=C1)C", "D-alanine": "N[C@H](C)C(=O)O",
}  # fmt: skip


def side(pairs, task="name", notations=("smiles", "iupac")):
    columns = (TextColumn.of([pair[column] for pair in pairs]) for column in (0, 1, 0))
    return SideTexts(task, *notations, *columns)


TRAIN = [("CCO", "ethanol"), ("C[C@H](N)C(=O)O", "L-alanine"), ("c1ccccc1O", "phenol"), ("CCN", "spirit")]
TEST = [
    ("CCO", "ethanol"),  # 0: the very pair
    ("OCC", "ethyl alcohol"),  # 1: the molecule, spelled otherwise; its name is unreadable
    ("C[C@@H](N)C(=O)O", "D-alanine"),  # 2: the mirror image
    ("Cc1ccccc1", "toluene"),  # 3: the scaffold only
    ("CC(N)C(=O)O", "L-alanine"),  # 4: stereo that nobody could know; the target is known
    ("CCC", "ethanol"),  # 5: another molecule
    ("O=c1cccc[nH]1", "pyridin-2-ol"),  # 6: a tautomer
    ("CCCC", "x"), ("CCCC", "y"),  # 7, 8: two answers
    ("CC[NH3+].[Cl-]", "z"),  # 9: a salt of a molecule that was trained on
]  # fmt: skip
EXPECTED = {
    0: {"pair", "input", "target", "molecule"},
    1: {"molecule", "unreadable"},
    2: {"connectivity"},
    3: {"scaffold"},
    4: {"connectivity", "stereo", "target"},
    5: {"other_molecule", "target"},
    6: {"tautomer"},
    7: {"ambiguous", "unreadable"},
    8: {"ambiguous", "unreadable"},
    9: {"parent", "unreadable"},
}


def kinds(findings):
    found: dict[int, set[str]] = {}
    for one in findings:
        found.setdefault(one.row, set()).add(one.kind)
    return found


def judge(train, test, with_names, calls, record=None):
    """Audit rows against training rows, file by file."""
    return audit(TrainingMolecules(lambda: train, calls.pool, record), test, with_names, calls)


@pytest.fixture
def calls():
    calls = NotationCalls(workers=1)
    yield calls
    calls.close()


def test_each_row_has_the_findings_that_are_its_own(calls):
    with fake_opsin(MEANINGS):
        findings = judge([side(TRAIN)], side(TEST), True, calls)
        split = judge([side(TRAIN[:2]), side(TRAIN[2:])], side(TEST), True, calls)
    assert kinds(findings) == EXPECTED
    assert findings == split, "a task may have its rows in several files"
    [stereo] = [one for one in findings if one.kind == "stereo"]
    assert stereo.detail == "CC(N)C(=O)O | C[C@H](N)C(=O)O"


def test_audit_lists_names_that_fit_several_molecules(calls):
    meanings = {
        "vague cresol": "C1(=CC=CC=C1O)C",
        "rac-butanol": "C[C@H](CC)O |r|",
        "phenol": "C1(=CC=CC=C1)O",
    }
    pairs = [("Cc1ccccc1O", "vague cresol"), ("CC[C@@H](C)O", "rac-butanol"), ("Oc1ccccc1", "phenol")]
    with fake_opsin(meanings):
        to_names = judge([side([("CN", "x")])], side(pairs), True, calls)
        swapped = side([pair[::-1] for pair in pairs], "draw", ("iupac", "smiles"))
        to_structures = judge([side([("x", "CN")], "draw", ("iupac", "smiles"))], swapped, True, calls)
    for findings in (to_names, to_structures):
        assert {(one.row, one.kind) for one in findings if one.kind != "scaffold"} == {
            (0, "ambiguous_name"),
            (1, "relative_stereo"),
        }
    assert count_findings([(side(pairs), to_names)])["name"]["unanswerable"] == 2


def test_audit_without_opsin_takes_names_as_strings(calls):
    names = {"stereo", "other_molecule", "tautomer", "unreadable"}
    expected = {row: found - names for row, found in EXPECTED.items() if found - names}
    assert kinds(judge([side(TRAIN)], side(TEST), False, calls)) == expected


def test_audit_finds_the_molecule_in_the_answer(calls):
    train = side([("ethanol", "CCO")], "draw", ("iupac", "smiles"))
    tested = side([("ethyl alcohol", "CCO"), ("L-alanine", "CC(N)C(=O)O")], "draw", ("iupac", "smiles"))
    with fake_opsin(MEANINGS):
        found = kinds(judge([train], tested, True, calls))
    assert found[0] == {"target", "molecule", "unreadable"}
    assert found[1] == {"other_molecule"}  # the question has stereo that the answer lacks


def test_audit_accepts_different_structures_without_names(calls):
    """A task may ask for a product, or for a molecule with its stereo."""
    notations = ("smiles", "smiles")
    tested = side([("CCO", "CC=O"), ("CC(N)C(=O)O", "C[C@H](N)C(=O)O")], "react", notations)
    assert kinds(judge([side([("CN", "CN")], "react", notations)], tested, True, calls)) == {1: {"stereo"}}


def test_audit_of_texts_compares_strings_only(calls):
    words = side([("a", "x"), ("b", "y")], "spell", ("text", "text"))
    tested = side([("a", "x"), ("b", "z"), ("c", "y")], "spell", ("text", "text"))
    found = judge([words], tested, True, calls)
    assert kinds(found) == {0: {"pair", "input", "target"}, 1: {"input"}, 2: {"target"}}


def test_audit_compares_with_what_the_run_remembers(calls):
    notations = ("text", "text")
    tested = side([("a", "x"), ("b", "y"), ("c", "z")], "spell", notations)
    record = record_rows([side([("a", "other"), ("c", "z")], "spell", notations)])
    found = kinds(judge([side([("c", "z")], "spell", notations)], tested, True, calls, record))
    assert found == {0: {"trained"}, 2: {"pair", "input", "trained", "target"}}


def test_audit_takes_a_text_in_another_unicode_form_for_the_same(calls):
    composed, decomposed = "caf\u00e9", "cafe\u0301"
    words = side([(composed, "x"), ("b", decomposed)], "spell", ("text", "text"))
    tested = side(
        [(decomposed, "x"), ("c", decomposed), ("d", composed), ("d", decomposed)], "spell", ("text", "text")
    )
    found = judge([words], tested, True, calls)
    assert kinds(found) == {0: {"pair", "input", "target"}, 1: {"target"}, 2: {"target"}, 3: {"target"}}


def test_audit_finds_no_targets_where_every_class_stands_in_training(calls):
    train, test = side([("a", "yes"), ("b", "no")], notations=("text", "text")), [("a", "yes"), ("c", "no")]
    test = side(test, notations=("text", "text"))
    training = TrainingMolecules(lambda: [train], calls.pool, None)
    assert kinds(audit(training, test, False, calls)) == {0: {"pair", "input", "target"}, 1: {"target"}}
    assert kinds(audit(training, test, False, calls, with_targets=False)) == {0: {"pair", "input"}}


class Classes(StubData):
    """A task with choices whose test rows have the classes of its training rows."""

    @property
    def tasks(self):
        return [replace(task, choices=Choices(("yes", "no"))) for task in super().tasks]

    def side_texts(self, stage):
        return [side([("c", "yes")], "t", ("text", "text"))]

    def trained_texts(self, record):
        return [side([("a", "yes")], "t", ("text", "text"))]


def test_audit_of_a_task_with_choices_counts_no_targets(tmp_path):
    pairs = [Pair("c", "yes", "yes", "t", "text")]
    trainer = make_trainer(tmp_path, [AuditReport()])
    trainer.test(ScriptedModel(pairs), datamodule=Classes(pairs), verbose=False)
    counts = json.loads((tmp_path / "test" / "audit.json").read_text())["tasks"]["t"]
    assert (counts["rows"], counts["target"]) == (1, 0)


def test_audit_counts_a_row_once_whatever_is_found():
    findings = [
        Finding(0, "pair"),
        Finding(0, "input"),
        Finding(1, "scaffold", "a"),
        Finding(1, "scaffold", "b"),
    ]
    count = count_findings([(side(TEST), findings), (side(TEST[:1]), [Finding(0, "stereo")])])["name"]
    assert (count["rows"], count["leaked"], count["unanswerable"]) == (11, 1, 1)
    assert (count["pair"], count["input"], count["scaffold"]) == (1, 1, 1)
    assert describe_audit("name", count) == (
        "name, audit: 1 of 11 rows leak from training, 1 cannot be answered as the reference wants "
        "(1 pair, 1 input, 1 scaffold, 1 stereo)"
    )


class AuditedData(StubData):
    def side_texts(self, side_name):
        return [side(TRAIN if side_name == "train" else TEST)]


def test_audit_is_written_at_test_and_told_in_the_summary(tmp_path, capsys):
    pairs = [Pair(given, target, target, "name", "iupac", "smiles") for given, target in TEST]
    with fake_opsin(MEANINGS):
        trainer = make_trainer(tmp_path, [AuditReport(), RoundTrip(), RunSummary()])
        trainer.test(ScriptedModel(pairs), datamodule=AuditedData(pairs), verbose=False)
    assert "name, audit: 4 of 10 rows leak from training, 4 cannot be answered" in capsys.readouterr().out
    content = json.loads((tmp_path / "test" / "audit.json").read_text())
    assert content["names_read"] is True
    assert content["tasks"]["name"]["connectivity"] == 2
    with (tmp_path / "test" / "audit.csv").open(newline="") as file:
        lines = list(csv.DictReader(file))
    assert {line["finding"] for line in lines} == set().union(*EXPECTED.values()) - {"scaffold", "target"}
    assert {line["input"] for line in lines if line["finding"] == "stereo"} == {"CC(N)C(=O)O"}


def test_audit_is_not_written_at_validate(tmp_path):
    pairs = [Pair(given, target, target, "name", "iupac", "smiles") for given, target in TEST]
    trainer = make_trainer(tmp_path, [AuditReport()])
    trainer.validate(ScriptedModel(pairs), datamodule=AuditedData(pairs), verbose=False)
    assert not list(tmp_path.rglob("audit.*"))


def test_summary_leaves_the_audit_of_an_earlier_run_alone(tmp_path, capsys):
    pairs = [Pair(given, target, target, "name", "iupac", "smiles") for given, target in TEST]
    trainer = make_trainer(tmp_path, [AuditReport(), RunSummary()])
    trainer.test(ScriptedModel(pairs), datamodule=AuditedData(pairs), verbose=False)
    for file in ("audit.json", "audit.csv"):
        os.utime(tmp_path / "test" / file, (1e9, 1e9))
    assert "audit: 4 of 10" in capsys.readouterr().out
    trainer = make_trainer(tmp_path, [RunSummary()])
    trainer.test(ScriptedModel(pairs), datamodule=AuditedData(pairs), verbose=False)
    printed = capsys.readouterr().out
    assert "audit" not in printed
    assert "audit.csv" not in printed
