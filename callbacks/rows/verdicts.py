"""What is asked of every prediction: is it valid, is it the target, how similar is it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Sequence
from typing import TypeVar

from callbacks.rows.evaluated_row import EvaluatedRow
from callbacks.rows.notation_calls import NotationCalls, has_similarity

T = TypeVar("T")


def _by_notation(
    rows: Sequence[EvaluatedRow], judge: Callable[[str, list[tuple[str, str]]], list[T]]
) -> list[T]:
    """Call `judge(notation, pairs)` once for each output notation; return the answers in the rows' order."""
    places: dict[str, list[int]] = defaultdict(list)
    for place, row in enumerate(rows):
        places[row.output_notation].append(place)
    answers: dict[int, T] = {}
    for notation, of_notation in places.items():
        pairs = [(rows[place].prediction, rows[place].target or "") for place in of_notation]
        answers.update(zip(of_notation, judge(notation, pairs), strict=True))
    return [answers[place] for place in range(len(rows))]


def judge_ahead(calls: NotationCalls, rows: Sequence[EvaluatedRow], functions: Sequence[str]) -> None:
    """Begin to judge rows in the background, while the next ones are being generated."""

    def begin(notation: str, pairs: list[tuple[str, str]]) -> list[None]:
        calls.call_ahead(notation, functions, pairs)
        return [None] * len(pairs)

    _by_notation(rows, begin)


def judge_validity(calls: NotationCalls, rows: Sequence[EvaluatedRow]) -> list[str | None]:
    """Return for each row why its prediction is not valid in its output notation; None for a valid one."""
    return _by_notation(
        rows, lambda notation, pairs: calls.invalid_reasons(notation, [text for text, _ in pairs])
    )


def judge_sameness(calls: NotationCalls, rows: Sequence[EvaluatedRow]) -> list[dict[str, bool]]:
    """Return for each row whether prediction and target are the same, by each notion of its notation."""
    return _by_notation(rows, calls.same)


def judge_similarity(calls: NotationCalls, rows: Sequence[EvaluatedRow]) -> list[dict[str, float] | None]:
    """Return for each row its similarities in [0, 1] by fingerprint; None if its notation has none."""
    return _by_notation(
        rows,
        lambda notation, pairs: (
            calls.similarities(notation, pairs) if has_similarity(notation) else [None] * len(pairs)
        ),
    )
