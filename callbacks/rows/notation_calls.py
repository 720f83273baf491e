"""What callbacks ask of notations, in words of Python: reasons, notions of "same", similarities."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache

from callbacks.rows.notation_pool import Judges
from datamodules.notations._molecule import FINGERPRINTS
from datamodules.notations._unicode import are_equal
from datamodules.notations.lookup import load_notation
from datamodules.workers.guarded_worker import Result

_ROWS_TOGETHER = 20  # all questions about so many rows are one job
_judges = Judges()


def call(notation: str, function: str, arguments: Sequence[tuple[str, ...]]) -> list[Result]:
    """Return `datamodules.notations.<notation>.<function>(*a)` for every `a` in `arguments`, in order.

    A call that takes too long or fails has `error` set and `value` None; the others are not affected.
    """
    return _judges.ask([(notation, function, tuple(items)) for items in arguments])


def call_ahead(notation: str, functions: Sequence[str], pairs: Sequence[tuple[str, str]]) -> None:
    """Begin to judge (prediction, target) pairs in the background by some of invalid_reason, same and similarity."""
    wanted = [name for name in functions if name != "similarity" or has_similarity(notation)]
    _judges.ask_ahead(
        (notation, name, pair[:1] if name == "invalid_reason" else pair)
        for start in range(0, len(pairs), _ROWS_TOGETHER)
        for name in wanted
        for pair in pairs[start : start + _ROWS_TOGETHER]
    )


def invalid_reasons(notation: str, texts: Sequence[str]) -> list[str | None]:
    """Return for each text why it is not valid in `notation`, or None for a valid one.

    A text that cannot be judged in time, or that kills the judge, is invalid.
    """
    results = call(notation, "invalid_reason", [(text,) for text in texts])
    return [result.error or result.value for result in results]


@cache
def notions(notation: str) -> tuple[str, ...]:
    """Return the names of the notions of "same" that a notation has, the strictest (`string`) first."""
    return tuple(load_notation(notation).same("", ""))


def same(notation: str, pairs: Sequence[tuple[str, str]]) -> list[dict[str, bool]]:
    """Return for each (prediction, target) whether they are the same, by each notion of `notation`.

    `string` is plain equality, in whichever Unicode form. A pair that cannot be judged in time is not the same by the other
    notions.
    """
    results = call(notation, "same", pairs)
    return [
        {name: bool(result.value and result.value[name]) for name in notions(notation)}
        | {"string": are_equal(prediction, target)}
        for result, (prediction, target) in zip(results, pairs, strict=True)
    ]


@cache
def has_similarity(notation: str) -> bool:
    """Return whether a notation compares structures by fingerprints (it has a function `similarity`)."""
    return hasattr(load_notation(notation), "similarity")


def similarities(notation: str, pairs: Sequence[tuple[str, str]]) -> list[dict[str, float] | None]:
    """Return for each (prediction, target) the fingerprint similarities in [0, 1], 0 for a bad prediction."""
    results = call(notation, "similarity", pairs)
    return [result.value or dict.fromkeys(FINGERPRINTS, 0.0) for result in results]
