"""Draws that are the same on every machine and in every version of Python."""

from __future__ import annotations

import random
from collections.abc import Sequence
from typing import TypeVar

T = TypeVar("T")


class Draws:
    """A sequence of draws; of the standard library's generators only `random()` keeps its sequence over Python's versions.

    Args:
        key: What the sequence depends on.

    Examples:
        >>> Draws("seed 0").below(100) == Draws("seed 0").below(100)
        True
    """

    def __init__(self, key: str) -> None:
        self._draw = random.Random(key).random

    def below(self, number: int) -> int:
        """Return a whole number from 0 to below `number`."""
        return int(self._draw() * number)

    def chance(self, share: float) -> bool:
        """Return true in this share of the draws."""
        return self._draw() < share

    def choose(self, items: Sequence[T]) -> T:
        """Return one of the items."""
        return items[self.below(len(items))]

    def take(self, items: Sequence[T], number: int) -> list[T]:
        """Return so many different places' items, in the order of the draws."""
        left, taken = list(items), list[T]()
        for _ in range(min(number, len(left))):
            taken.append(left.pop(self.below(len(left))))
        return taken
