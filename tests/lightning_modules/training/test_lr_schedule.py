from __future__ import annotations

import math

import pytest

from lightning_modules.training.lr_schedule import WarmupCosine, warmup_cosine


def test_rises_to_one_and_falls_to_the_minimum() -> None:
    factors = [warmup_cosine(step, 100, 0.1, 0.2) for step in range(101)]
    assert factors[:10] == pytest.approx([0.1 * n for n in range(1, 11)])
    assert factors[10] == 1.0
    assert factors[10:] == sorted(factors[10:], reverse=True)
    assert factors[55] == pytest.approx(0.6), "half way down, half way between 1 and the minimum"
    assert factors[100] == pytest.approx(0.2)


def test_is_constant_until_it_falls() -> None:
    factors = [warmup_cosine(step, 100, 0.1, 0.2, 0.4) for step in range(130)]
    assert factors[9:61] == [1.0] * 52
    assert factors[60:101] == sorted(factors[60:101], reverse=True)
    assert factors[80] == pytest.approx(0.6), "half way down, half way between 1 and the minimum"
    assert factors[100:] == pytest.approx([0.2] * 30)


@pytest.mark.parametrize("decay", [0.0, 0.5, 0.95, 1.0])
def test_a_decay_never_begins_within_the_warm_up(decay: float) -> None:
    factors = [warmup_cosine(step, 100, 0.2, 0.0, decay) for step in range(101)]
    assert factors[:20] == pytest.approx([0.05 * n for n in range(1, 21)])
    assert all(0 <= factor <= 1 for factor in factors)


def test_never_rises_again_after_the_end() -> None:
    assert [warmup_cosine(step, 100, 0.1, 0.2) for step in (101, 150, 190, 1000)] == pytest.approx([0.2] * 4)


@pytest.mark.parametrize(("warmup", "total"), [(0.0, 1), (1.0, 10), (0.5, 1), (0.1, 3)])
def test_edges_stay_in_range(warmup: float, total: int) -> None:
    assert all(0 < warmup_cosine(step, total, warmup, 0.1) <= 1 for step in range(total + 5))


def test_run_without_an_end_stays_at_one() -> None:
    assert warmup_cosine(0, math.inf, 0.1, 0.1) == 0.01
    assert warmup_cosine(10**6, math.inf, 0.1, 0.1) == 1.0


def test_the_schedule_of_a_run_takes_its_length_when_it_is_known() -> None:
    schedule = WarmupCosine(0.1, 0.2, 0.4)
    assert schedule.factor(80, 100) == warmup_cosine(80, 100, 0.1, 0.2, 0.4)
    assert schedule.factor(7, -1) == warmup_cosine(7, math.inf, 0.1, 0.2, 0.4), "nothing bounds the run"


@pytest.mark.parametrize("share", [-0.1, 1.5, math.nan])
def test_what_is_no_share_is_refused(share: float) -> None:
    with pytest.raises(ValueError, match=rf"--model.decay_fraction to be in \[0, 1\], but got {share}"):
        WarmupCosine(0.1, 0.2, share)
