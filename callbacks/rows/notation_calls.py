"""Calls from callbacks to notations, with typed results: reasons, notions of "same", similarities."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache

from datamodules.notations._unicode import are_equal
from datamodules.notations.lookup import load_notation
from datamodules.notations.molecules.structure import FINGERPRINTS
from datamodules.workers.guarded_worker import Result
from datamodules.workers.opsin import Reading, read_names
from datamodules.workers.worker_pool import WorkerPool

_ROWS_TOGETHER = 20  # rows whose calls form one job
_MOST_READINGS = 200_000  # about 50 MB; then all are dropped


@cache
def notions(notation: str) -> tuple[str, ...]:
    """Return the names of a notation's notions of "same", the strictest (`string`) first."""
    return tuple(load_notation(notation).same("", ""))


@cache
def has_similarity(notation: str) -> bool:
    """Return whether a notation compares structures by fingerprints (it has a function `similarity`)."""
    return hasattr(load_notation(notation), "similarity")


class NotationCalls:
    """Calls notations and OPSIN for arbitrary texts. Results are kept: no call is made twice.

    Args:
        workers: Most child processes; by default one for each of this rank's cores. They start when there is work.
        timeout_s: Time limit of one call in seconds.

    Attributes:
        pool: The child processes; they also take whole columns of texts.
    """

    def __init__(self, workers: int | None = None, timeout_s: float = 1.5) -> None:
        self.pool = WorkerPool(workers, timeout_s)
        self._readings: dict[str, Reading] = {}

    def close(self) -> None:
        """End the child processes; results stay known."""
        self.pool.close()

    def call(self, notation: str, function: str, arguments: Sequence[tuple[str, ...]]) -> list[Result]:
        """Return `datamodules.notations.<notation>.<function>(*a)` for every `a` in `arguments`, in order.

        A call that takes too long or fails has `error` set and `value` None; the other calls are not affected.
        """
        return self.pool.ask([(notation, function, tuple(items)) for items in arguments])

    def call_ahead(self, notation: str, functions: Sequence[str], pairs: Sequence[tuple[str, str]]) -> None:
        """Start to check (prediction, target) pairs in the background by some of invalid_reason, same and similarity."""
        wanted = [name for name in functions if name != "similarity" or has_similarity(notation)]
        self.pool.ask_ahead(
            (notation, name, pair[:1] if name == "invalid_reason" else pair)
            for start in range(0, len(pairs), _ROWS_TOGETHER)
            for name in wanted
            for pair in pairs[start : start + _ROWS_TOGETHER]
        )

    def invalid_reasons(self, notation: str, texts: Sequence[str]) -> list[str | None]:
        """Return for each text why it is invalid in `notation`; None if it is valid.

        A text that cannot be checked in time, or that kills its worker, is invalid.
        """
        results = self.call(notation, "invalid_reason", [(text,) for text in texts])
        return [result.error or result.value for result in results]

    def same(self, notation: str, pairs: Sequence[tuple[str, str]]) -> list[dict[str, bool]]:
        """Return for each (prediction, target) whether they are the same, by each notion of `notation`.

        `string` is equality as text, in any Unicode form. A pair that cannot be compared in time is not the same by the other
        notions.
        """
        results = self.call(notation, "same", pairs)
        return [
            {name: bool(result.value and result.value[name]) for name in notions(notation)}
            | {"string": are_equal(prediction, target)}
            for result, (prediction, target) in zip(results, pairs, strict=True)
        ]

    def similarities(self, notation: str, pairs: Sequence[tuple[str, str]]) -> list[dict[str, float] | None]:
        """Return for each (prediction, target) the fingerprint similarities in [0, 1], 0 if there are none."""
        results = self.call(notation, "similarity", pairs)
        return [result.value or dict.fromkeys(FINGERPRINTS, 0.0) for result in results]

    def draw(self, smiles: Sequence[str], width: int, height: int) -> dict[str, str]:
        """Return pictures of molecules as SVG by SMILES; those that cannot be drawn, or not in time, are left out.

        Args:
            smiles: The molecules.
            width: In pixels.
            height: In pixels.
        """
        results = self.pool.ask([("smiles", "draw", (text, width, height)) for text in smiles])
        return {text: result.value for text, result in zip(smiles, results, strict=True) if result.value}

    def read_names(self, names: Sequence[str]) -> list[Reading]:
        """Return OPSIN's reading of each name; names that it has not read yet form one batch."""
        if len(self._readings) > _MOST_READINGS:
            self._readings.clear()
        new = [name for name in dict.fromkeys(names) if name not in self._readings]
        self._readings.update(zip(new, read_names(new), strict=True))
        return [self._readings[name] for name in names]
