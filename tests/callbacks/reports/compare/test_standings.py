from __future__ import annotations

import math

import numpy as np
import pytest

from callbacks.reports.compare.answers import Answers
from callbacks.reports.compare.standings import compare_pairs, find_shared, rank_runs
from callbacks.statistics.intervals import wilson_interval


def answers(right: list[bool], start: int = 0, metric: str = "exact_match") -> Answers:
    return {
        ("t", f"in {start + place}", "x", 0): {metric: verdict, "valid": True}
        for place, verdict in enumerate(right)
    }


RUNS = [answers([place < most for place in range(40)]) for most in (10, 30, 20)]


def test_standing_is_each_runs_share_with_wilsons_interval_and_marks_the_best() -> None:
    exact, valid = rank_runs(RUNS, find_shared(RUNS))
    assert (exact.task, exact.metric, exact.rows) == ("t", "exact_match", 40)
    assert [score and score.share for score in exact.scores] == [0.25, 0.75, 0.5]
    assert [score and score.best for score in exact.scores] == [False, True, False]
    for score, count in zip(exact.scores, (10, 30, 20), strict=True):
        assert score is not None
        assert (score.low, score.high) == wilson_interval(count, 40)
    assert [score and score.best for score in valid.scores] == [False] * 3  # all the same: none is best


def test_equal_runs_at_the_top_are_both_best() -> None:
    runs = [*RUNS, RUNS[1]]
    exact = rank_runs(runs, find_shared(runs))[0]
    assert [score is not None and score.best for score in exact.scores] == [False, True, False, True]


def test_pairs_have_mcnemars_p_corrected_by_holm_within_a_metric() -> None:
    """The runs differ by 20, 10 and 10 rows, all in one direction: p = 2 / 2^n; Holm multiplies by 3, 2 and 1."""
    pairs = [pair for pair in compare_pairs(RUNS, find_shared(RUNS)) if pair.comparison.metric == "exact_match"]  # fmt: skip
    assert [(pair.first, pair.second) for pair in pairs] == [(0, 1), (0, 2), (1, 2)]
    assert [pair.comparison.p for pair in pairs] == pytest.approx([2 / 2**20, 2 / 2**10, 2 / 2**10])
    assert [pair.corrected for pair in pairs] == pytest.approx([3 * 2 / 2**20, 2 * 2 / 2**10, 2 * 2 / 2**10])
    assert [pair.comparison.difference for pair in pairs] == pytest.approx([0.5, 0.25, -0.25])
    assert all(pair.comparison.low < pair.comparison.difference < pair.comparison.high for pair in pairs)


def test_pairs_of_random_runs_equal_the_binomial_test() -> None:
    """Against the binomial distribution's tail, summed by logarithms of factorials."""
    rng = np.random.default_rng(0)
    runs = [answers((rng.random(300) < share).tolist()) for share in (0.4, 0.5, 0.55)]
    for pair in compare_pairs(runs, find_shared(runs))[:3]:
        first, second = (
            [one["exact_match"] for one in runs[place].values()] for place in (pair.first, pair.second)
        )
        gained = sum(b and not a for a, b in zip(first, second, strict=True))
        lost = sum(a and not b for a, b in zip(first, second, strict=True))
        n, least = gained + lost, min(gained, lost)
        tail = sum(
            math.exp(math.lgamma(n + 1) - math.lgamma(k + 1) - math.lgamma(n - k + 1) - n * math.log(2))
            for k in range(least + 1)
        )
        assert pair.comparison.p == pytest.approx(min(1.0, 2 * tail), rel=1e-9)


def test_run_without_a_verdict_stands_outside_of_its_metric() -> None:
    other = {key: {"valid": True} for key in RUNS[0]}
    runs = [RUNS[0], other, RUNS[1]]
    by_metric = {one.metric: one for one in rank_runs(runs, find_shared(runs))}
    assert by_metric["exact_match"].scores[1] is None
    assert by_metric["valid"].scores[1] is not None
    pairs = compare_pairs(runs, find_shared(runs))
    assert [(pair.first, pair.second) for pair in pairs if pair.comparison.metric == "exact_match"] == [(0, 2)]  # fmt: skip
