"""Calls of notation functions in a child process that can be killed, each distinct call once.

Models write anything, and RDKit can think for seconds about a string (PITFALLS 16) or crash. So the
callbacks judge predictions through one `GuardedWorker` per process. Answers are kept, because several
callbacks ask the same questions, and because a timeout must be paid for once only.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache

from datamodules.notations.lookup import load_notation
from datamodules.notations.worker import GuardedWorker, Result

FINGERPRINTS = ("morgan", "maccs", "rdk")
"""What a notation's `similarity` compares by."""

_MOST_ANSWERS = 200_000  # about 100 MB; then start anew
_answers: dict[tuple[str, str, tuple[str, ...]], Result] = {}
_worker = GuardedWorker()  # starts its child at the first call, and another one in each forked process


def call(notation: str, function: str, arguments: Sequence[tuple[str, ...]]) -> list[Result]:
    """Return `datamodules.notations.<notation>.<function>(*a)` for every `a` in `arguments`, in order.

    A call that takes too long or fails has `error` set and `value` None; the others are not affected.
    """
    keys = [(notation, function, tuple(items)) for items in arguments]
    if len(_answers) > _MOST_ANSWERS:
        _answers.clear()
    missing = list(dict.fromkeys(key for key in keys if key not in _answers))
    if missing:
        results = _worker.map(notation, function, [items for _, _, items in missing])
        _answers.update(zip(missing, results, strict=True))
    return [_answers[key] for key in keys]


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

    `string` is plain equality. A pair that cannot be judged in time is not the same by the other notions.
    """
    results = call(notation, "same", pairs)
    return [
        {name: bool(result.value and result.value[name]) for name in notions(notation)}
        | {"string": prediction == target}
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
