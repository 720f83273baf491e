from __future__ import annotations

from bench.cases import CASES, FASTEST, OURS, PADDED, SECTIONS, order_of, place_of
from bench.report import TABLES
from bench.stopwatch import check_rows
from bench.trainers import TRAINERS
from bench.workload import SHAPES


def test_cases_name_what_there_is() -> None:
    for case in CASES:
        check_rows(case.rows, case.batch_size)
        assert case.shape in SHAPES
        assert set(case.trainers) <= set(TRAINERS)
        assert len(set(case.trainers)) == len(case.trainers)


def test_every_case_has_the_fastest_others_and_every_shape_all_that_pad() -> None:
    for case in CASES:
        assert {*OURS, *FASTEST} <= set(case.trainers)
    assert {case.shape for case in CASES if set(PADDED) <= set(case.trainers)} == set(SHAPES) - {"tiny"}
    assert set(CASES[0].trainers) == set(TRAINERS) - {"hf-default"}


def test_every_section_has_a_table() -> None:
    assert set(SECTIONS) <= set(TABLES)


def test_another_round_has_another_order_of_the_same_trainers() -> None:
    trainers = CASES[0].trainers
    orders = [order_of(trainers, number) for number in range(5)]
    assert all(sorted(order) == sorted(trainers) for order in orders)
    assert len({order[0] for order in orders}) > 2
    assert order_of(trainers, 3) == orders[3]


def test_a_table_has_patois_first_and_unknown_trainers_last() -> None:
    names = sorted(["gone", "hf-best", "litgpt", "patois"], key=place_of)
    assert names == ["patois", "hf-best", "litgpt", "gone"]
