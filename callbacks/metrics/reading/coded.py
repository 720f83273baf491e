"""Facts of many rows of which there are few different ones: 16 bytes a row, whatever the facts are."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from callbacks.rows.evaluated_row import gather_by_index


class Coded(NamedTuple):
    """Facts of N rows in index order."""

    values: list[Any]
    """The different facts."""
    codes: NDArray[np.int64]
    """(N,) which of them a row has."""
    numbers: NDArray[np.float64]
    """(N,) a row's number; nan without one."""


class CodedRows:
    """This rank's facts by the index of their rows."""

    def __init__(self) -> None:
        self._codes: dict[Any, int] = {}
        self._parts = list[tuple[NDArray[np.int64], NDArray[np.int32], NDArray[np.float64]]]()

    def add(self, facts: Mapping[int, Any], numbers: Mapping[int, float] | None = None) -> None:
        """Keep a fact of each row, by its index, and a number with it."""
        codes = [self._codes.setdefault(fact, len(self._codes)) for fact in facts.values()]
        with_facts = [(numbers or {}).get(index, np.nan) for index in facts]
        self._parts.append(
            (
                np.array(list(facts), dtype=np.int64),
                np.array(codes, dtype=np.int32),
                np.array(with_facts, dtype=np.float64),
            )
        )

    def gather_with_numbers(self) -> Coded:
        """Return the rows of all ranks on rank 0, each once, and none on the others. Every rank must call it."""
        columns = [np.concatenate(column) for column in zip(*self._parts, strict=True)] if self._parts else []
        ranks = gather_by_index({_rank(): (list(self._codes), columns)})
        values: dict[Any, int] = {}
        index, codes, numbers = [np.zeros(0, np.int64)], [np.zeros(0, np.int64)], [np.zeros(0)]
        for known, found in ranks.values():
            renamed = np.array([values.setdefault(value, len(values)) for value in known], dtype=np.int64)
            if found:
                index.append(found[0])
                codes.append(renamed[found[1]])
                numbers.append(found[2])
        _, first = np.unique(np.concatenate(index), return_index=True)
        return Coded(list(values), np.concatenate(codes)[first], np.concatenate(numbers)[first])

    def gather(self) -> list[Any]:
        """Return the facts of the rows of all ranks in index order, as `gather_with_numbers`: equal facts are one object."""
        values, codes, _ = self.gather_with_numbers()
        return [values[code] for code in codes]


def unique_in_order(codes: NDArray[np.int64]) -> list[int]:
    """Return the different codes in the order in which they come first.

    >>> unique_in_order(np.array([3, 1, 3, 0]))
    [3, 1, 0]
    """
    found, first = np.unique(codes, return_index=True)
    order: list[int] = found[np.argsort(first)].tolist()
    return order


def _rank() -> int:
    import torch.distributed

    known = torch.distributed.is_available() and torch.distributed.is_initialized()
    return torch.distributed.get_rank() if known else 0
