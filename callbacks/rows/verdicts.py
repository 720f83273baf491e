"""Checks of every prediction: whether it is valid, whether it is the target, how similar it is."""

from __future__ import annotations

import dataclasses
from collections import defaultdict
from collections.abc import Callable, Sequence
from typing import TypeVar

from callbacks.rows.evaluated_row import EvaluatedRow
from callbacks.rows.notation_calls import NotationCalls, has_similarity

T = TypeVar("T")


def _by_notation(
    rows: Sequence[EvaluatedRow], check: Callable[[str, list[tuple[str, str]]], list[T]]
) -> list[T]:
    """Call `check(notation, pairs)` once for each output notation; return the results in the rows' order."""
    places: dict[str, list[int]] = defaultdict(list)
    for place, row in enumerate(rows):
        places[row.output_notation].append(place)
    results: dict[int, T] = {}
    for notation, of_notation in places.items():
        pairs = [(rows[place].prediction, rows[place].target or "") for place in of_notation]
        results.update(zip(of_notation, check(notation, pairs), strict=True))
    return [results[place] for place in range(len(rows))]


def judge_ahead(calls: NotationCalls, rows: Sequence[EvaluatedRow], functions: Sequence[str]) -> None:
    """Start to check rows in the background while the next ones are generated."""

    def begin(notation: str, pairs: list[tuple[str, str]]) -> list[None]:
        calls.call_ahead(notation, functions, pairs)
        return [None] * len(pairs)

    _by_notation(rows, begin)


def judge_validity(calls: NotationCalls, rows: Sequence[EvaluatedRow]) -> list[str | None]:
    """Return for each row why its prediction is invalid in its output notation; None if it is valid."""
    return _by_notation(
        rows, lambda notation, pairs: calls.invalid_reasons(notation, [text for text, _ in pairs])
    )


def judge_sameness(calls: NotationCalls, rows: Sequence[EvaluatedRow]) -> list[dict[str, bool]]:
    """Return for each row whether the prediction and any of its targets are the same, by each notion of its notation."""
    found = _by_notation(rows, calls.same)
    several = [
        (place, dataclasses.replace(row, target=other))
        for place, row in enumerate(rows)
        for other in row.others
    ]
    further = _by_notation([row for _, row in several], calls.same)
    for (place, _), same in zip(several, further, strict=True):
        found[place] = {notion: equal or same[notion] for notion, equal in found[place].items()}
    return found


def judge_similarity(calls: NotationCalls, rows: Sequence[EvaluatedRow]) -> list[dict[str, float] | None]:
    """Return for each row its similarities in [0, 1] by fingerprint; None if its notation has none."""
    return _by_notation(
        rows,
        lambda notation, pairs: (
            calls.similarities(notation, pairs) if has_similarity(notation) else [None] * len(pairs)
        ),
    )
