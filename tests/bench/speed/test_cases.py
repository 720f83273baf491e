from __future__ import annotations

import importlib.util

from bench.speed.cases import (
    CASES,
    FASTEST,
    GPU_TRAINERS,
    MODULES,
    OURS,
    PADDED,
    SECTIONS,
    place_of,
)
from bench.speed.report import TABLES
from bench.speed.stopwatch import check_rows
from bench.speed.training.trainers import TRAINERS
from bench.speed.training.workload import SHAPES


def test_cases_name_known_trainers_and_workloads() -> None:
    for case in CASES:
        check_rows(case.rows, case.batch_size)
        assert case.shape in SHAPES
        assert set(case.trainers) <= set(TRAINERS)
        assert len(set(case.trainers)) == len(case.trainers)


def test_patois_is_in_every_case_and_beside_the_fastest_others_of_each_workload() -> None:
    assert all("patois" in case.trainers for case in CASES)
    for case in CASES:
        alike = [other.trainers for other in CASES if other[:5] == case[:5]]
        assert any({*OURS, *FASTEST} <= set(trainers) for trainers in alike)
    for shape in set(SHAPES) - {"tiny", "opt-1.3b"}:
        assert set(PADDED) <= {name for case in CASES if case.shape == shape for name in case.trainers}
    assert set(CASES[0].trainers) == set(TRAINERS) - {"hf-default", "trl-liger"}


def test_trainers_of_the_gpu_are_there_and_ours_come_first() -> None:
    assert set(GPU_TRAINERS) <= set(TRAINERS)
    assert GPU_TRAINERS[0] == "patois"


def test_every_section_has_a_table() -> None:
    assert set(SECTIONS) <= set(TABLES)


def test_tables_list_patois_first_and_unknown_trainers_last() -> None:
    names = sorted(["gone", "hf-best", "litgpt", "patois"], key=place_of)
    assert names == ["patois", "hf-best", "litgpt", "gone"]


def test_each_section_but_training_is_measured_by_a_module_that_is_there() -> None:
    assert set(SECTIONS) == {"training", *MODULES}
    assert all(importlib.util.find_spec(module) for module in MODULES.values())
