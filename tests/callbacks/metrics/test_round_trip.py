"""Round trip, error classes and the table on scripted answers, with a fake OPSIN and with the real one."""

from __future__ import annotations

import csv

import pytest

from callbacks.metrics.error_classes import ErrorClasses
from callbacks.metrics.exact_match import ExactMatch
from callbacks.metrics.round_trip import RoundTrip
from callbacks.reports.prediction_table import PredictionTable
from callbacks.rows.outcomes import OUTCOMES
from callbacks.statistics.intervals import wilson_interval
from tests.helpers.callback_stubs import Pair, ScriptedModel, StubData, make_trainer
from tests.helpers.fake_opsin import fake_opsin, need_opsin, no_java

# Input, reference name, answer, and the outcome expected. ScriptedModel stops at every second row only (rows 0, 2, ...).
NAMED = [
    ("CCO", "ethanol", "ethanol", "exact"),
    ("C[C@H](N)C(=O)O", "L-alanine", "", "unfinished"),
    ("CC(C)O", "propan-2-ol", "isopropanol", "equivalent"),
    ("CCC", "propane", "ethane and so on", "unfinished"),
    ("C[C@H](N)C(=O)O", "L-alanine", "D-alanine", "stereo"),
    ("CCO", "ethanol", "ethanol", "exact"),
    ("Oc1ccccn1", "pyridin-2-ol", "pyridin-2(1H)-one", "skeleton"),
    ("CCO", "ethanol", "ethanol", "exact"),
    ("CC(=O)O", "acetic acid", "sodium acetate", "skeleton"),
    ("CCO", "ethanol", "ethanol", "exact"),
    ("CCO", "ethanol", "methoxymethane", "isomer"),
    ("CCO", "ethanol", "ethanol", "exact"),
    ("CCO", "ethanol", "propane", "formula"),
    ("CCO", "ethanol", "ethanol", "exact"),
    ("CCO", "ethanol", "banana", "invalid"),
    ("CCO", "ethanol", "ethanol", "exact"),
    ("CCO", "ethanol", "eth(anol", "invalid"),
]
MEANINGS = {
    "ethanol": "C(C)O", "propan-2-ol": "CC(C)O", "isopropanol": "C(C)(C)O", "propane": "CCC",
    "L-alanine": "N[C@@H](C)C(=O)O", "D-alanine": "N[C@H](C)C(=O)O", "methoxymethane": "COC",
    "pyridin-2-ol": "N1=C(C=CC=C1)O", "pyridin-2(1H)-one": "N1C(C=CC=C1)=O", "acetic acid": "C(C)(=O)O",
    "sodium acetate": "C(C)(=O)[O-].[Na+]",
}  # fmt: skip
PAIRS = [Pair(given, target, answer, "name", "iupac", "smiles") for given, target, answer, _ in NAMED]


def evaluate(folder, pairs, fit=False, callbacks=None):
    callbacks = callbacks or [PredictionTable(), RoundTrip(), ErrorClasses(), ExactMatch()]
    trainer = make_trainer(folder, callbacks)
    run = trainer.fit if fit else trainer.test
    run(ScriptedModel(pairs), datamodule=StubData(pairs), **({} if fit else {"verbose": False}))
    return {name: float(value) for name, value in trainer.callback_metrics.items()}


def read(path):
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


def check(metrics, folder):
    """What holds with the fake OPSIN and with the real one."""
    total = len(NAMED)
    exact = sum(outcome == "exact" for *_, outcome in NAMED)
    assert metrics["test/name/exact_match"] == pytest.approx(exact / total)
    assert metrics["test/name/round_trip"] == pytest.approx((exact + 1) / total)
    assert metrics["test/name/round_trip_low"] == pytest.approx(wilson_interval(exact + 1, total)[0])
    assert metrics["test/name/round_trip_tautomer"] == pytest.approx((exact + 2) / total)  # pyridone, too
    assert metrics["test/name/round_trip_without_stereo"] == pytest.approx(
        (exact + 2) / total
    )  # D-alanine, too
    assert metrics["test/name/readable"] == pytest.approx((total - 4) / total)
    shares = {name: metrics[f"test/name/outcome_{name}"] for name in OUTCOMES}
    assert sum(shares.values()) == pytest.approx(1)
    for name in OUTCOMES:
        assert shares[name] == pytest.approx(sum(outcome == name for *_, outcome in NAMED) / total)
    table = read(folder / "test" / "predictions" / "test_epoch_0.csv")
    assert [row["outcome"] for row in table] == [outcome for *_, outcome in NAMED]
    right = table[2]
    assert (right["verdict"], right["same_string"], right["same_round_trip"]) == (
        "same molecule",
        "false",
        "true",
    )
    assert (right["read_as"], right["asked_for"]) == ("CC(C)O", "CC(C)O")
    assert table[4]["verdict"] == "same without stereo"
    assert table[6]["verdict"] == "same inchikey"
    assert [row["reason"] for row in table if row["reason"]] == ["unknown name part", "unbalanced brackets"]
    assert [row["verdict"] for row in table[14:17:2]] == ["invalid", "invalid"]
    classes = read(folder / "test" / "error_classes.csv")
    found = {(row["outcome"], row["reason"]): int(row["rows"]) for row in classes}
    assert found["invalid", ""] == 2
    assert found["invalid", "unknown name part"] == found["invalid", "unbalanced brackets"] == 1
    assert sum(number for (_, reason), number in found.items() if not reason) == total


def test_names_are_judged_by_the_molecule_that_they_mean(tmp_path):
    with fake_opsin(MEANINGS) as java:
        metrics = evaluate(tmp_path, PAIRS)
    assert len(java.batches) == 2, "one probe, and one batch for all callbacks"
    check(metrics, tmp_path)


# What OPSIN reads with a warning: input, reference, answer, outcome; with the meanings of the fake one.
VAGUE = [
    ("Clc1cccc2ccccc12", "1-chloronaphthalene", "vague chloronaphthalene", "ambiguous"),
    (
        "Clc1ccc2ccccc2c1",
        "2-chloronaphthalene",
        "vague chloronaphthalene",
        "ambiguous",
    ),  # its choice is another one
    ("Cc1ccc2ccccc2c1", "2-methylnaphthalene", "vague chloronaphthalene", "formula"),
    ("CC[C@@H](C)O", "(2R)-butan-2-ol", "rac-(2R)-butan-2-ol", "stereo"),
    ("CC[C@@H](C)O", "(2R)-butan-2-ol", "butan-(R)-2-ol", "equivalent"),
    ("Clc1cccc2ccccc12", "vague chloronaphthalene", "vague chloronaphthalene", "exact"),
    (
        "vague chloronaphthalene",
        "vague chloronaphthalene",
        "1-chloronaphthalene",
        "ambiguous",
    ),  # from name to name
]
VAGUE_MEANINGS = {
    "vague chloronaphthalene": "ClC1=CC=CC2=CC=CC=C12", "1-chloronaphthalene": "ClC1=CC=CC2=CC=CC=C12",
    "2-chloronaphthalene": "ClC1=CC2=CC=CC=C2C=C1", "rac-(2R)-butan-2-ol": "C[C@H](CC)O |$_AV:1;2;3;4;O$,r|",
    "(2R)-butan-2-ol": "C[C@H](CC)O", "butan-(R)-2-ol": "C[C@H](CC)O", "2-methylnaphthalene": "CC1=CC2=CC=CC=C2C=C1",
}  # fmt: skip


def test_name_that_fits_several_molecules_is_not_right(tmp_path):
    pairs = [
        Pair(given, target, answer, "name", "iupac", "iupac" if given.startswith("vague") else "smiles")
        for given, target, answer, _ in VAGUE
        for _ in range(2)  # ScriptedModel stops at every second row only
    ]
    with fake_opsin(VAGUE_MEANINGS):
        metrics = evaluate(tmp_path, pairs)
    table = read(tmp_path / "test" / "predictions" / "test_epoch_0.csv")[::2]
    assert [row["outcome"] for row in table] == [outcome for *_, outcome in VAGUE]
    trips = [row["same_round_trip"] for row in table]
    assert trips == ["false", "false", "false", "false", "true", "false", "false"]
    assert table[0]["read_as"] == "Clc1cccc2ccccc12"
    assert table[3]["verdict"] == "same without stereo"
    assert metrics["test/name/outcome_ambiguous"] == pytest.approx(3 / 14)
    assert metrics["test/name/readable"] == 1


@need_opsin()
def test_the_real_parser_gives_the_same(tmp_path):
    check(evaluate(tmp_path, PAIRS), tmp_path)


def test_without_java_one_line_says_so_and_the_rest_is_measured(tmp_path, capsys):
    with no_java():
        metrics = evaluate(tmp_path, PAIRS)
    printed = capsys.readouterr().out
    assert printed.count("left out") == 1
    assert "Round trip is left out, names are compared as text only: Java is not installed" in printed
    assert not [name for name in metrics if "round_trip" in name or "readable" in name]
    assert metrics["test/name/outcome_different"] == pytest.approx(7 / len(NAMED))
    assert metrics["test/name/outcome_exact"] == metrics["test/name/exact_match"]
    table = read(tmp_path / "test" / "predictions" / "test_epoch_0.csv")
    assert {row["read_as"] for row in table} == {""}
    assert table[2]["verdict"] == "wrong"


def test_the_epochs_of_a_fit_start_no_java_unless_asked_to(tmp_path):
    with fake_opsin(MEANINGS) as java:
        metrics = evaluate(tmp_path / "plain", PAIRS, fit=True)
        assert java.batches == []
        assert not [name for name in metrics if "round_trip" in name or "outcome" in name]
        assert "outcome" not in read(tmp_path / "plain" / "predictions" / "val_epoch_0.csv")[0]
        metrics = evaluate(
            tmp_path / "each", PAIRS, True, [RoundTrip(each_epoch=True), ErrorClasses(each_epoch=True)]
        )
    assert "val/name/round_trip" in metrics
    assert "val/name/outcome_stereo" in metrics


def test_tasks_without_names_start_no_java(tmp_path, capsys):
    pairs = [
        Pair("ethanol", "CCO", "OCC", input_notation="iupac"),
        Pair("ethanol", "CCO", "CC", input_notation="iupac"),
    ]
    with fake_opsin(MEANINGS) as java:
        metrics = evaluate(tmp_path, pairs)
    assert java.batches == []
    assert "left out" not in capsys.readouterr().out
    assert metrics["test/to_smiles/outcome_equivalent"] == 0.5


def test_a_name_for_a_name_is_judged_by_the_target_and_left_out_where_that_cannot_be_read(tmp_path):
    pairs = [
        Pair("spirit of wine", target, answer, "tidy", "iupac", "iupac")
        for target, answer in (
            ("ethanol", "ethanol"),
            ("x", "x"),
            ("propan-2-ol", "isopropanol"),
            ("y", "ethanol"),
        )
    ]
    with fake_opsin(MEANINGS):
        metrics = evaluate(tmp_path, pairs)
    assert metrics["test/tidy/round_trip"] == 1.0
    assert metrics["test/tidy/round_trip_low"] == pytest.approx(wilson_interval(2, 2)[0])
    assert (
        metrics["test/tidy/outcome_unfinished"] == 0.25
    )  # row 3, which cannot be judged and was not stopped
