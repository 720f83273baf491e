from __future__ import annotations

import csv
import dataclasses

import pytest

from callbacks.metrics.round_trip import RoundTrip
from callbacks.reports.rerank import Checked, Rerank, check, choose, different, rerank, tabulate
from callbacks.rows.evaluated_row import EvaluatedRow
from callbacks.rows.evaluation import Evaluation
from callbacks.statistics.intervals import wilson_interval
from tests.helpers.callback_stubs import Pair, ScriptedModel, StubData, make_trainer
from tests.helpers.fake_opsin import fake_opsin

MEANINGS = {"ethanol": "C(C)O", "ethan-1-ol": "C(C)O", "methoxymethane": "COC", "propane": "CCC"}
OWN = Checked(-1.0, False, frozenset())
VALID = Checked(-2.0, False, frozenset({"valid"}))
BACK = Checked(-3.0, True, frozenset({"valid", "formula", "back"}))


@pytest.mark.parametrize(
    ("rule", "answers", "expected"),
    [
        ("own", [OWN, BACK], (False, True)),
        ("valid", [OWN, BACK, VALID], (False, True)),  # the more probable of two that pass
        ("back", [OWN, VALID, BACK], (True, True)),
        ("best", [OWN, VALID, BACK], (True, True)),
        ("valid", [OWN], (False, False)),  # nothing passes: the own answer stands
        ("best", [OWN, VALID], (False, False)),
        ("back", [BACK._replace(right=False), BACK], (False, True)),  # of equally probable ones the first
    ],
)
def test_rerank_rule_keeps_the_most_probable_answer_that_passes(rule, answers, expected):
    assert rerank(answers, rule)[:2] == expected


def test_best_answer_passes_the_strictest_check_that_any_passes():
    assert choose([OWN, VALID, BACK]) == (BACK, "back")
    assert choose([OWN, VALID, VALID._replace(score=-5.0)]) == (VALID, "valid")
    assert choose([OWN, OWN._replace(score=0.0)]) == (OWN, "")


def test_rerank_table_tells_what_abstaining_gives():
    lines = {line["rule"]: line for line in tabulate([("t", [OWN, BACK]), ("t", [VALID]), ("t", [OWN])])}
    assert list(lines) == ["own", "valid", "formula", "back", "best"]
    assert (lines["own"]["right"], lines["own"]["verified"]) == (0.0, 1.0)
    assert lines["valid"]["right"] == pytest.approx(1 / 3)
    assert lines["valid"]["verified"] == pytest.approx(2 / 3)
    assert lines["valid"]["right_of_verified"] == 0.5
    assert lines["back"]["right_of_verified"] == 1.0
    assert (lines["back"]["verified_low"], lines["back"]["verified_high"]) == wilson_interval(1, 1)
    assert lines["own"]["different_answers"] == pytest.approx(4 / 3)
    assert [line["rule"] for line in tabulate([("t", [OWN])])] == ["own", "best"]


def test_rerank_compares_a_rule_with_the_first_answer_row_by_row():
    exact = BACK._replace(exact=True)
    rows = [[OWN, exact]] * 5 + [[OWN._replace(exact=True), VALID]] + [[exact, VALID]]
    lines = {line["rule"]: line for line in tabulate(("t", row) for row in rows)}
    assert [lines["own"][name] for name in ("exact_gained", "exact_lost", "p")] == [0, 0, 1.0]
    assert [lines["valid"][name] for name in ("exact_gained", "exact_lost")] == [5, 2]
    assert lines["valid"]["p"] == pytest.approx(2 * (1 + 7 + 21) / 2**7)
    assert lines["valid"]["exact"] - lines["own"]["exact"] == pytest.approx((5 - 2) / 7)


def test_rerank_takes_equal_answers_as_one():
    assert different([("a", -1.0, True), ("b", -2.0, True), ("a", -1.5, False)]) == [
        ("a", -1.0, True),
        ("b", -2.0, True),
    ]


def make_row(given, target, answers, notations=("smiles", "iupac"), index=0):
    candidates = tuple((text, -float(place), True) for place, text in enumerate(answers))
    return EvaluatedRow(index, "t", given, target, *notations, answers[0], 0.0, True, 3, candidates)


def passes(answers):
    return [set(answer.passes) for answer in answers]


def test_rerank_checks_names_against_the_question_only():
    answers = ["banana", "propane", "methoxymethane", "ethan-1-ol", "propane"]
    with fake_opsin(MEANINGS):
        rows = [make_row("CCO", "ethanol", answers), make_row("CCC", "ethanol", answers, index=1)]
        [found, wrong] = check(Evaluation(rows, reads_names=True))
    assert passes(found) == [set(), {"valid"}, {"valid", "formula"}, {"valid", "formula", "back"}]
    assert [answer.right for answer in found] == [False, False, False, True]
    assert passes(wrong) == [set(), {"valid", "formula", "back"}, {"valid"}, {"valid"}]


def test_an_answer_that_opsin_reads_as_another_molecule_is_told():
    rows = [make_row("CCO", None, [answer]) for answer in ("propane", "methoxymethane", "ethanol", "banana")]
    with fake_opsin(MEANINGS):
        found = [check(Evaluation([row], reads_names=True))[0][0] for row in rows]
        [named] = check(
            Evaluation([make_row("ethanol", None, ["CC"], ("iupac", "smiles"))], reads_names=True)
        )
        [unread] = check(Evaluation(rows[:1]))
    assert [answer.doubt for answer in found] == ["by OPSIN: another molecule", None, None, None]
    assert named[0].doubt == "by OPSIN: another molecule"
    assert unread[0].doubt is None


def test_rerank_checks_validity_only_of_structures_for_names():
    row = make_row("ethanol", "CCO", ["CC(", "CC", "OCC"], ("iupac", "smiles"))
    with fake_opsin({"ethanol": "CCO"}):
        [found] = check(Evaluation([row], reads_names=True))
    assert passes(found) == [set(), {"valid"}, {"valid"}]
    assert [answer.right for answer in found] == [False, False, True]


def test_answers_that_differ_in_their_unicode_form_are_one():
    assert different([("caf\u00e9", -1.0, True), ("cafe\u0301", -2.0, True)]) == [("caf\u00e9", -1.0, True)]


WITH_WARNINGS = {
    "vague chloronaphthalene": "ClC1=CC=CC2=CC=CC=C12", "1-chloronaphthalene": "ClC1=CC=CC2=CC=CC=C12",
    "rac-butanol": "C[C@H](CC)O |$_AV:1;2;3;4;O$,r|",
}  # fmt: skip


@pytest.mark.parametrize(
    ("given", "answer", "notations", "doubt"),
    [
        (
            "Clc1cccc2ccccc12",
            "vague chloronaphthalene",
            ("smiles", "iupac"),
            "OPSIN on the answer: fits several molecules",
        ),
        (
            "vague chloronaphthalene",
            "Clc1cccc2ccccc12",
            ("iupac", "smiles"),
            "OPSIN on the question: fits several molecules",
        ),
        (
            "CC[C@@H](C)O",
            "rac-butanol",
            ("smiles", "iupac"),
            "OPSIN on the answer: racemic or relative stereo",
        ),
        (
            "rac-butanol",
            "CC[C@@H](C)O",
            ("iupac", "smiles"),
            "OPSIN on the question: racemic or relative stereo",
        ),
        ("Clc1cccc2ccccc12", "1-chloronaphthalene", ("smiles", "iupac"), None),
        ("1-chloronaphthalene", "Clc1cccc2ccccc12", ("iupac", "smiles"), None),
    ],
)
def test_name_that_fits_several_molecules_is_never_read_back(given, answer, notations, doubt):
    with fake_opsin(WITH_WARNINGS):
        [found] = check(Evaluation([make_row(given, None, [answer], notations)], reads_names=True))
    assert passes(found) == [{"valid", "formula", *(() if doubt else ("back",))}]
    assert found[0].doubt == doubt


def test_a_title_behind_the_question_is_no_part_of_its_molecule():
    row = dataclasses.replace(make_row("CCO my ethanol", None, ["ethanol"]), normal="CCO")
    with fake_opsin(MEANINGS):
        [found] = check(Evaluation([row], reads_names=True))
    assert passes(found) == [{"valid", "formula", "back"}]


def test_rerank_does_not_hold_a_product_to_the_reactants_formula():
    [found] = check(Evaluation([make_row("CCO", "CC=O", ["CCO", "CC=O"], ("smiles", "smiles"))]))
    assert passes(found) == [{"valid"}, {"valid"}]


def test_rerank_takes_an_unfinished_answer_as_not_valid():
    row = make_row("a", "b", ["b", "c"], ("text", "text"))
    cut = dataclasses.replace(row, candidates=(("b", -1.0, False), ("c", -2.0, True)))
    [found] = check(Evaluation([cut]))
    assert passes(found) == [set(), {"valid"}]


class Drawing(ScriptedModel):
    def test_step(self, batch, batch_idx):
        outputs = self.validation_step(batch, batch_idx)
        further = {"CCO": ["ethan-1-ol<end>", "banana<end>"], "CCC": ["propane<end>", "x<end>"]}
        drawn = []
        for index, text in zip(batch["row_index"].tolist(), outputs["prediction"], strict=True):
            others = further[self.pairs[index].input] if index >= 0 else []
            drawn.append([(text, -1.0, True), *((other, -2.0, True) for other in others)])
        return outputs | {"candidates": drawn}


def test_rerank_table_is_written_at_test(tmp_path):
    pairs = [
        Pair("CCO", "ethanol", "banana", "name", "iupac", "smiles"),
        Pair("CCC", "propane", "methoxymethane", "name", "iupac", "smiles"),
    ]
    with fake_opsin(MEANINGS) as java:
        trainer = make_trainer(tmp_path, [Rerank(), RoundTrip()])
        trainer.test(Drawing(pairs), datamodule=StubData(pairs), verbose=False)
    with (tmp_path / "test" / "rerank.csv").open(newline="") as file:
        lines = {line["rule"]: line for line in csv.DictReader(file)}
    shares = {rule: float(line["right"]) for rule, line in lines.items()}
    assert shares == {"own": 0.0, "valid": 0.5, "formula": 1.0, "back": 1.0, "best": 1.0}
    exact = {rule: float(line["exact"]) for rule, line in lines.items()}
    assert exact == {
        "own": 0.0,
        "valid": 0.0,
        "formula": 0.5,
        "back": 0.5,
        "best": 0.5,
    }  # ethan-1-ol is right, not exact
    assert len(java.batches) <= 3


def test_rerank_writes_nothing_for_rows_with_one_answer(tmp_path):
    pairs = [Pair("CCO", "ethanol", "ethanol", "name", "iupac", "smiles")]
    with fake_opsin(MEANINGS):
        trainer = make_trainer(tmp_path, [Rerank(), RoundTrip()])
        trainer.test(ScriptedModel(pairs), datamodule=StubData(pairs), verbose=False)
    assert not (tmp_path / "test" / "rerank.csv").exists()
