from __future__ import annotations

import itertools

import pytest

from callbacks.statistics.class_names import BOUNDS, is_bound, name_class, read_class

CLASSES = [
    "x",
    "x_low",
    "x_high",
    "low",
    "high",
    "x_%6Cow",
    "a/b",
    "a%2Fb",
    "",
    "_low",
    "x_low_high",
    "größer/x_low",
]


@pytest.mark.parametrize("choice", CLASSES)
def test_a_class_is_read_back_from_the_name_of_its_metric(choice: str) -> None:
    name = name_class("recall", choice)
    assert read_class("recall", name) == choice
    assert "/" not in name
    assert not name.endswith(BOUNDS)


def test_no_two_names_are_equal() -> None:
    names = [name_class("recall", choice) for choice in CLASSES]
    every = [name + end for name, end in itertools.product(names, ("", *BOUNDS))]
    assert len(set(every)) == len(every)
    assert [name for name in every if is_bound(name, every)] == [
        name for name in every if name.endswith(BOUNDS)
    ]
