"""Report optimizer steps that were skipped as not finite, list their rows, and stop a run with too many of them.

The model skips such a step on every rank (`left_out`). This callback reads the model's decisions only at logged steps, so
that no step waits for the device.
"""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any, NamedTuple

import torch
from lightning.pytorch import Callback, LightningModule, Trainer
from torch import Tensor

from callbacks.loggers.terminal import say
from callbacks.rows.evaluated_row import gather_by_index
from callbacks.rows.protocols import EvaluationData, evaluated_model, evaluation_data
from callbacks.run.run_facts import find_log_interval, from_here, is_trial, run_folder
from datamodules.storage.safe_csv import read_csv, write_csv

COLUMNS = ("epoch", "step", "rank", "batch", "loss", "row_index", "task", "line", "input", "target")

Line = dict[str, Any]


class _Piece(NamedTuple):
    """One micro-batch on this rank."""

    batch: int
    row_index: Tensor
    """(B,) int64, -1 for a filler row."""
    loss: Tensor
    """() sum of its token losses."""


class _Step(NamedTuple):
    """One optimizer step."""

    epoch: int
    number: int
    pieces: list[_Piece]
    left_out: Tensor
    """() bool, equal on all ranks."""


class NonfiniteSteps(Callback):
    """Reports skipped optimizer steps, and stops the run if there are too many.

    If a loss or gradient is NaN or infinite on one rank, every rank skips the step: weights and optimizer stay unchanged,
    and the learning rate schedule continues. `left_out.csv` in the run's folder lists the rows of the micro-batches whose
    loss was not finite, or all rows of the step if only its gradients were not finite.

    Args:
        limit: Maximum number of skipped steps; one more stops the run, after the same step on every rank.
    """

    def __init__(self, limit: int = 10) -> None:
        if limit < 0:
            raise ValueError(f"Expected the limit of NonfiniteSteps to be at least 0, but got {limit}.")
        self.limit, self.left_out = limit, 0
        self._pieces: list[_Piece] = []
        self._steps: list[_Step] = []
        self._last_step = 0

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Reset the counts."""
        self.left_out, self._pieces, self._steps = 0, [], []
        self._last_step = trainer.global_step

    def on_train_batch_end(
        self, trainer: Trainer, pl_module: LightningModule, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        """Keep the batch and, if it ended a step, whether the step was skipped; check at logged steps."""
        self._pieces.append(_Piece(batch_idx, batch["row_index"], outputs["loss"]))
        if trainer.global_step == self._last_step:
            return
        self._last_step = trainer.global_step
        left_out = evaluated_model(pl_module).left_out
        self._steps.append(_Step(trainer.current_epoch, self._last_step, self._pieces, left_out))
        self._pieces = []
        interval = find_log_interval(trainer)
        if interval and self._last_step % interval == 0:
            self._check(trainer)

    def on_train_epoch_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Check the remaining steps."""
        self._check(trainer)

    def _check(self, trainer: Trainer) -> None:
        """Check the steps since the last check.

        Raises:
            ValueError: On every rank, if more steps were skipped than the limit allows.
        """
        steps, self._steps = self._steps, []
        flags = torch.stack([step.left_out for step in steps]).tolist() if steps else []
        bad = [step for step, flag in zip(steps, flags, strict=True) if flag]
        if not bad:
            return
        self.left_out += len(bad)
        path = run_folder(trainer) / "left_out.csv"
        mine = [{**line, "rank": trainer.global_rank} for step in bad for line in lines_of(step)]
        by_rank = gather_by_index({trainer.global_rank: mine})
        if trainer.is_global_zero:
            lines = suspects([line for lines in by_rank.values() for line in lines])
            with_texts = [{**line, **_texts(evaluation_data(trainer), line)} for line in lines]
            if not is_trial(trainer):
                write_csv(path, COLUMNS, [*(read_csv(path) if path.is_file() else []), *with_texts])
            self._warn([step.number for step in bad], path)
        if self.left_out > self.limit:
            raise ValueError(
                f"The loss or its gradients were not finite in {self.left_out} optimizer steps (at most {self.limit} are "
                f"skipped), so training stopped at step {steps[-1].number}; the weights are still finite. "
                f"{from_here(path)} lists the rows: fix or remove them, or lower --model.optimizer.lr."
            )

    def _warn(self, numbers: list[int], path: Path) -> None:
        which = (
            f"Step {numbers[0]} was" if len(numbers) == 1 else f"Steps {', '.join(map(str, numbers))} were"
        )
        say(
            f"Warning: {which} skipped on every rank because the loss or its gradients were not finite; the weights are "
            f"unchanged. {self.left_out} skipped so far; more than {self.limit} stop the run. Rows: {from_here(path)}",
            style="yellow",
            error=True,
        )


def lines_of(step: _Step) -> list[Line]:
    """Return one line for each row of a step on this rank."""
    return [
        {
            "epoch": step.epoch,
            "step": step.number,
            "batch": piece.batch,
            "loss": float(piece.loss),
            "row_index": row,
        }
        for piece in step.pieces
        for row in piece.row_index.tolist()
        if row >= 0
    ]


def suspects(lines: list[Line]) -> list[Line]:
    """Return the lines that may have caused a skip: per step those with a non-finite loss, or else all of its lines.

    Examples:
        >>> lines = [{"step": 7, "row_index": 1, "loss": 0.3}, {"step": 7, "row_index": 2, "loss": math.nan}]
        >>> suspects(lines)  # the loss of row 2 is not finite
        [{'step': 7, 'row_index': 2, 'loss': nan}]
        >>> suspects(lines[:1])  # its loss is finite, so only the gradients were not
        [{'step': 7, 'row_index': 1, 'loss': 0.3}]
    """
    found = {line["step"] for line in lines if not math.isfinite(line["loss"])}
    return [line for line in lines if line["step"] not in found or not math.isfinite(line["loss"])]


def _texts(datamodule: EvaluationData, line: Line) -> Line:
    """Return the task, line number and texts of a line's training row."""
    row = datamodule.row("train", line["row_index"])
    return {"task": row.task, "line": row.line, "input": row.input, "target": row.target}
