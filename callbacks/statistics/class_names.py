"""The names of metrics of single classes, and of the bounds of intervals: the one place that knows both.

A value's bounds are called `<name>_low` and `<name>_high`, and `/` stands between a task and its metric, so a class called
`x_low` or `a/b` is written so that neither can be meant.
"""

from __future__ import annotations

from collections.abc import Container
from urllib.parse import unquote

BOUNDS = ("_low", "_high")
"""The ends of the names of an interval's bounds."""
_KEPT = {"%": "%25", "/": "%2F"}


def name_class(kind: str, choice: str) -> str:
    """Return the name of a metric of one class.

    Examples:
        >>> name_class("recall", "yes"), name_class("recall", "x_low"), name_class("recall", "a/b")
        ('recall_yes', 'recall_x_%6Cow', 'recall_a%2Fb')
        >>> name_class("recall", "low")
        'recall_%6Cow'
    """
    name = f"{kind}_{''.join(_KEPT.get(letter, letter) for letter in choice)}"
    for end in BOUNDS:
        if name.endswith(end):
            return f"{name.removesuffix(end)}_%{ord(end[1]):X}{end[2:]}"
    return name


def read_class(kind: str, name: str) -> str:
    """Return the class of a metric's name.

    Examples:
        >>> read_class("recall", "recall_x_%6Cow"), read_class("recall", name_class("recall", "50 %/year"))
        ('x_low', '50 %/year')
    """
    return unquote(name.removeprefix(f"{kind}_"))


def is_bound(name: str, metrics: Container[str]) -> bool:
    """Return whether a name is that of a bound of another metric; one without a value is a metric itself.

    Examples:
        >>> is_bound("t/mae_low", ["t/mae", "t/mae_low"]), is_bound("recall_low", ["recall_low"])
        (True, False)
    """
    return name.endswith(BOUNDS) and name.rpartition("_")[0] in metrics
