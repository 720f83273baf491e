from __future__ import annotations

import itertools
import random

import pytest

from callbacks.statistics.multiple_tests import correct_by_holm


def test_holm_equals_worked_values() -> None:
    """The values of R's `p.adjust(p, "holm")` and statsmodels' `multipletests(p, method="holm")`, worked by hand.

    Sorted: 0.001 x 5, 0.01 x 4, 0.02 x 3, 0.03 x 2, 0.2 x 1; 0.06 (the third and the fourth) stays as it is.
    """
    corrected = correct_by_holm([0.02, 0.001, 0.2, 0.03, 0.01])
    assert corrected == pytest.approx([0.06, 0.005, 0.2, 0.06, 0.04])
    # 0.03 x 3 = 0.09 raises 0.04 x 2 = 0.08 to itself, and 0.05 x 1, too.
    assert correct_by_holm([0.04, 0.03, 0.05]) == pytest.approx([0.09, 0.09, 0.09])
    assert correct_by_holm([0.5, 0.9]) == [1.0, 1.0]
    assert correct_by_holm([0.03]) == [0.03]


def test_holm_equals_the_closed_test_of_bonferroni() -> None:
    """Holm's p of a test is the largest Bonferroni p of all sets of tests that hold it: its definition, by brute force."""
    numbers = random.Random(0)
    for _ in range(50):
        p_values = [numbers.random() ** 3 for _ in range(5)]
        sets = [
            chosen for size in range(1, 6) for chosen in itertools.combinations(range(len(p_values)), size)
        ]
        closed = [
            max(
                min(1.0, len(chosen) * min(p_values[place] for place in chosen))
                for chosen in sets
                if one in chosen
            )
            for one in range(len(p_values))
        ]
        assert correct_by_holm(p_values) == pytest.approx(closed)
