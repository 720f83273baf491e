from __future__ import annotations

import random

from datamodules.sources.building.questions import (
    ASKED,
    FACTS,
    WHICH,
    Compound,
    Sample,
    ask,
    make_rows,
    stands_once,
    write_passage,
)

COMPOUNDS = [
    Compound(
        f"KEY{i:02}",
        {
            "name": f"compound number {i}",
            "formula": f"C{i + 3}H8",
            "mass": f"{100 + i}.5",
            "melting_point": f"{i - 9}",
        },
    )
    for i in range(20)
]


def test_each_kind_of_fact_is_told_and_asked_in_several_ways() -> None:
    assert set(FACTS) == set(ASKED) == set(WHICH)
    for kind in FACTS:
        assert len(FACTS[kind]) >= 3
        assert len(ASKED[kind]) >= 3
        assert len(WHICH[kind]) >= 2


def test_each_compound_is_in_one_passage_only() -> None:
    rows = list(make_rows(COMPOUNDS))
    contexts = {row["passage"]: row["context"] for row in rows}
    assert len(contexts) == 6
    for compound in COMPOUNDS:
        assert (
            sum(
                compound.facts["name"] + "." in text or compound.facts["name"] + " " in text
                for text in contexts.values()
            )
            <= 1
        )
    for row in rows:
        assert row["answer"] in row["context"]
        assert row["answer"] not in row["question"]


def test_rows_depend_on_compounds_and_seed_only() -> None:
    rows = list(make_rows(COMPOUNDS))
    assert list(make_rows(reversed(COMPOUNDS))) == rows
    assert list(make_rows(COMPOUNDS, seed=1)) != rows


def test_long_names_are_left_out() -> None:
    long = [Compound("A" + item.inchikey, item.facts | {"name": "x" * 46}) for item in COMPOUNDS]
    assert list(make_rows([*COMPOUNDS, *long])) == list(make_rows(COMPOUNDS))


def test_values_that_two_samples_share_are_not_asked_for() -> None:
    samples = [
        Sample("AB-12", {"name": "one", "mass": "46.07"}),
        Sample("CD-34", {"name": "two", "mass": "46.07"}),
    ]
    draw = random.Random(0).random
    context = write_passage(samples, draw)
    kinds = {kind for _ in range(20) for kind, _, _ in ask(samples, context, draw)}
    assert kinds == {"name", "sample_by_name"}


def test_value_must_stand_alone() -> None:
    assert stands_once("-5", "melts at -5 °C.")
    assert not stands_once("5", "melts at -5 °C.")
    assert not stands_once("methane", "is dichloro(nitro)methane.")
    assert stands_once("methane", "is methane.")
    assert not stands_once("12", "12 and 12")
