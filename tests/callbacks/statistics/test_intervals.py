from __future__ import annotations

import math

import numpy as np
import pytest

from callbacks.statistics.intervals import (
    bootstrap_interval,
    difference_interval,
    mcnemar_exact,
    wilson_interval,
)


# Worked examples from the literature, 95 %, without continuity correction:
# 81 of 263, 15 of 148, 0 of 20, 1 of 29: R. G. Newcombe, Statistics in Medicine 17 (1998) 857-872, table I, method 3.
@pytest.mark.parametrize(
    ("successes", "n", "low", "high"),
    [
        (81, 263, 0.2553, 0.3662),
        (15, 148, 0.0624, 0.1605),
        (0, 20, 0.0000, 0.1611),
        (1, 29, 0.0061, 0.1718),
    ],
)
def test_wilson_interval_equals_published_values(successes, n, low, high):
    assert wilson_interval(successes, n) == pytest.approx((low, high), abs=5e-5)


def test_wilson_bounds_solve_the_score_equation():
    for successes, n in [(3, 7), (500, 1000), (1, 3), (6, 7)]:
        for bound in wilson_interval(successes, n):
            z = (successes / n - bound) / math.sqrt(bound * (1 - bound) / n)
            assert abs(z) == pytest.approx(1.95996398, abs=1e-7)


def test_wilson_interval_is_symmetric_and_inside():
    for n in (1, 2, 10, 1000):
        for successes in range(0, n + 1, max(1, n // 10)):
            low, high = wilson_interval(successes, n)
            assert 0 <= low <= successes / n <= high <= 1
            assert wilson_interval(n - successes, n) == pytest.approx((1 - high, 1 - low))


def test_wilson_interval_of_no_rows_says_nothing():
    assert wilson_interval(0, 0) == (0.0, 1.0)


def test_bootstrap_interval_is_near_the_normal_interval_of_a_mean():
    values = np.random.default_rng(1).normal(3, 2, size=400)
    half = 1.96 * values.std() / math.sqrt(len(values))
    low, high = bootstrap_interval(values)
    assert low == pytest.approx(values.mean() - half, abs=0.05)
    assert high == pytest.approx(values.mean() + half, abs=0.05)


def test_bootstrap_interval_is_deterministic_and_does_not_depend_on_the_chunks(monkeypatch):
    values = np.arange(50.0)
    whole = bootstrap_interval(values, seed=5)
    assert bootstrap_interval(values, seed=5) == whole
    assert bootstrap_interval(values, seed=6) != whole
    monkeypatch.setattr("callbacks.statistics.intervals._CELLS_AT_A_TIME", 173)
    assert bootstrap_interval(values, seed=5) == whole


def test_bootstrap_interval_of_a_statistic_of_sums():
    table = np.stack([np.arange(1.0, 41), np.full(40, 2.0)], axis=1)
    ratio = bootstrap_interval(table, statistic=lambda sums: sums[:, 0] / sums[:, 1])
    assert ratio == pytest.approx(bootstrap_interval(table[:, 0] / 2))


def test_bootstrap_interval_of_one_row_and_of_none():
    assert bootstrap_interval(np.array([0.25])) == (0.25, 0.25)
    assert all(math.isnan(bound) for bound in bootstrap_interval(np.array([])))


def test_difference_interval_holds_the_difference_as_often_as_it_says():
    rng = np.random.default_rng(0)
    n, gain, loss = 300, 0.02, 0.01
    drawn = rng.multinomial(n, [gain, loss, 1 - gain - loss], size=4_000)
    bounds = np.array([difference_interval(gained, lost, n) for gained, lost, _ in drawn])
    covered = ((bounds[:, 0] <= gain - loss) & (gain - loss <= bounds[:, 1])).mean()
    assert 0.94 <= covered <= 0.98


def test_difference_interval_of_many_rows_is_that_of_the_normal_distribution():
    low, high = difference_interval(2_000, 1_000, 100_000)
    half_width = 1.96 * math.sqrt(0.03 / 100_000)
    assert (low, high) == pytest.approx((0.01 - half_width, 0.01 + half_width), abs=3e-5)
    assert difference_interval(1_000, 2_000, 100_000) == pytest.approx((-high, -low))


@pytest.mark.parametrize(
    ("only_first", "only_second", "p"),
    [
        (0, 0, 1.0),
        (5, 5, 1.0),
        (0, 1, 1.0),
        (0, 5, 2 / 2**5),
        (1, 9, 22 / 1024),
        (2, 4, 44 / 64),
        (3, 4, 1.0),
    ],
)
def test_mcnemar_doubles_the_smaller_tail(only_first, only_second, p):
    assert mcnemar_exact(only_first, only_second) == p
    assert mcnemar_exact(only_second, only_first) == p


def test_mcnemar_counts_every_outcome_of_fair_coins():
    """All 2^9 ways in which nine rows can fall: how many are at least as lopsided as 2 of 9."""
    ones = [bin(outcome).count("1") for outcome in range(2**9)]
    assert mcnemar_exact(2, 7) == sum(count <= 2 or count >= 7 for count in ones) / 2**9


def test_mcnemar_of_many_rows_equals_the_binomial_tail():
    n, k = 5_000, 2_400
    logs = [
        math.lgamma(n + 1) - math.lgamma(i + 1) - math.lgamma(n - i + 1) - n * math.log(2)
        for i in range(k + 1)
    ]
    assert mcnemar_exact(k, n - k) == pytest.approx(2 * sum(map(math.exp, logs)), rel=1e-9)
