"""The rows that this rank has evaluated, and after which batches they are handed to the readers."""

from __future__ import annotations

import math
import time
from collections.abc import Mapping
from typing import Any

from lightning.pytorch import Trainer

from callbacks.rows.evaluated_row import EvaluatedRow, Stage
from callbacks.rows.protocols import EvaluationData

MOST_BATCHES = 16
"""Batches of a part at most: about 8,000 rows with the default `--data.eval_batch_size`."""
PART_SECONDS = 30.0
"""About how long the batches of a part may take: so much is lost by a kill, and so seldom ranks wait for each other."""


class EvaluatedRows:
    """This rank's rows of one evaluation epoch."""

    def __init__(self) -> None:
        self._batches: set[tuple[int, int]] = set()
        self._rows: dict[int, EvaluatedRow] = {}
        self._kept: dict[int, EvaluatedRow] = {}

    def clear(self) -> None:
        """Drop all rows: a new epoch begins."""
        self._batches, self._rows, self._kept = set(), {}, {}

    def cut(self, keep: bool) -> dict[int, EvaluatedRow]:
        """Return the rows since the last cut by the index of their prompts, in order, and drop them unless they are kept."""
        part = {index: self._rows[index] for index in sorted(self._rows)}
        self._rows = {}
        if keep:
            self._kept.update(part)
        return part

    def knows(self, batch: tuple[int, int]) -> bool:
        """Return whether a batch was offered before."""
        return batch in self._batches

    def add(
        self, batch: tuple[int, int], outputs: Mapping[str, Any], datamodule: EvaluationData, stage: Stage
    ) -> list[EvaluatedRow]:
        """Keep the outputs of `batch` = (dataloader index, batch index), unless it was offered before.

        Returns:
            The new rows: none for a batch that was offered before; each index once, without filler rows.
        """
        if self.knows(batch):
            return []
        self._batches.add(batch)
        columns = (outputs[key].tolist() for key in ("row_index", "score", "stopped", "num_tokens"))
        new = []
        candidates = outputs.get("candidates") or [()] * len(outputs["prediction"])
        replaced = outputs["replaced"].tolist() if "replaced" in outputs else [None] * len(candidates)
        choices = outputs["choices"].tolist() if "choices" in outputs else [()] * len(candidates)
        for index, score, stopped, num_tokens, text, others, tokens, scores in zip(
            *columns, outputs["prediction"], candidates, replaced, choices, strict=True
        ):
            if index >= 0 and index not in self._rows and index not in self._kept:
                row = datamodule.row(stage, index)
                chances = tuple(map(math.exp, scores[: len(row.choices)]))
                self._rows[index] = EvaluatedRow(
                    **vars(row),
                    prediction=row.choices[chances.index(max(chances))]
                    if chances
                    else datamodule.extract(stage, index, text).strip(),
                    probabilities=chances,
                    score=score,
                    stopped=stopped,
                    num_tokens=num_tokens,
                    candidates=tuple(
                        (datamodule.extract(stage, index, other).strip(), *rest) for other, *rest in others
                    ),
                    replaced=tokens,
                )
                new.append(self._rows[index])
        return new

    def answers(self) -> dict[int, EvaluatedRow]:
        """Return this rank's rows by the index of their prompts, in order; one that is asked in windows several times."""
        rows = self._kept | self._rows
        return {index: rows[index] for index in sorted(rows)}


class Parts:
    """Says after which batches a part of an evaluation ends; equal on all ranks."""

    def __init__(self) -> None:
        self.begin(timed=False)

    def begin(self, timed: bool) -> None:
        """Begin an evaluation.

        Args:
            timed: Whether a part ends after `PART_SECONDS`, too, since a kill would lose it: the first part is one batch, whose
                time tells how many batches the next ones may have.
        """
        self._timed, self._length = timed, 1 if timed else MOST_BATCHES
        self._batches, self._start = 0, time.monotonic()

    def ends(self, trainer: Trainer) -> bool:
        """Return whether a part ends with this batch. Every rank must call it once after each batch."""
        self._batches += 1
        if self._batches < self._length:
            return False
        if not self._timed:
            self._batches = 0
            return True
        seconds = (time.monotonic() - self._start) / self._batches
        fitting = max(1, min(MOST_BATCHES, int(PART_SECONDS / max(seconds, 1e-9))))
        self._length = int(trainer.strategy.broadcast(fitting))
        self._batches, self._start = 0, time.monotonic()
        return True
