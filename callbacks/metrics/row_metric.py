"""Base class of the metric callbacks: it scores rows, counts each once over all ranks, and logs intervals by task."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Literal

import numpy as np
import torch
from lightning.pytorch import LightningModule, Trainer
from lightning.pytorch.trainer.states import TrainerFn

from callbacks.loggers.wandb_logger import DashboardLogger
from callbacks.metrics.row_reader import PartReader
from callbacks.metrics.row_scores import merge_scores
from callbacks.rows.evaluated_row import Stage
from callbacks.rows.evaluation import Evaluation
from callbacks.rows.protocols import evaluation_data
from callbacks.run.run_facts import silence_sync_advice
from callbacks.statistics.intervals import bootstrap_interval, wilson_interval
from callbacks.statistics.phrasing_spread import Estimate, average_phrasings, spread_phrasings


def mean_estimate(values: np.ndarray, interval: Literal["wilson", "bootstrap"]) -> Estimate:
    """Return the mean of `(n,)` values, `n` > 0, with its interval; `wilson` is for values of 0 or 1."""
    if interval == "wilson":
        low, high = wilson_interval(float(values.sum()), len(values))
    else:
        low, high = bootstrap_interval(values)
    return Estimate(float(values.mean()), low, high)


class RowMetric(PartReader):
    """A metric that scores each row, logged as `<stage>/<task>/<column>` with `_low` and `_high`.

    A subclass defines the columns and scores the rows; this class counts each row once on any number of
    ranks, groups by task and logs. The logged values come from the merged table, so they are equal on all
    ranks and need no reduction by Lightning, which would average ranks (docs/pitfalls.md, 4).
    """

    columns: tuple[str, ...] = ()
    """Names of a row's scores; equal on all ranks, whichever rows a rank has."""
    interval: Literal["wilson", "bootstrap"] = "bootstrap"
    """`wilson` for scores of 0 or 1."""
    higher_is_better: Mapping[str, bool | None] = MappingProxyType({})
    """For each logged metric, by name: whether higher is better; None or left out if neither direction is."""
    headline: str | None = None
    """The column whose mean over tasks is logged as `<stage>/<column>`, for choosing checkpoints."""

    def __init__(self) -> None:
        super().__init__()
        self._scored = list[tuple[torch.Tensor, torch.Tensor]]()

    def begin(self) -> None:
        """Drop the scores of an evaluation that was stopped."""
        self._scored = []

    def score(self, evaluation: Evaluation) -> list[dict[str, float]]:
        """Return each row's scores by column, finite numbers; leave out scores that do not apply."""
        raise NotImplementedError

    def summarize_task(self, task: str, table: Mapping[str, np.ndarray]) -> dict[str, Estimate]:
        """Return the metrics of a task by its name; arguments as `summarize`."""
        return self.summarize(table)

    def summarize(self, table: Mapping[str, np.ndarray]) -> dict[str, Estimate]:
        """Return the metrics of one task.

        Args:
            table: For each column `(n,)` scores of the task's `n` rows in index order, nan where a score
                does not apply.
        """
        present = {name: values[~np.isnan(values)] for name, values in table.items()}
        return {
            name: mean_estimate(values, self.interval) for name, values in present.items() if len(values) > 0
        }

    def setup(self, trainer: Trainer, pl_module: LightningModule, stage: str) -> None:
        """Silence Lightning's advice to reduce values that are equal on all ranks; give loggers `higher_is_better`."""
        silence_sync_advice(trainer, "val/|test/")
        for logger in trainer.loggers:
            if isinstance(logger, DashboardLogger):
                logger.higher_is_better.update(self.higher_is_better)

    def read_part(
        self, trainer: Trainer, pl_module: LightningModule, stage: Stage, evaluation: Evaluation
    ) -> None:
        """Score this rank's rows, and keep their scores: 4 bytes each."""
        rows, tasks = evaluation.rows, evaluation_data(trainer).task_names
        values = torch.full((len(rows), 2 + len(self.columns)), -torch.inf)
        for place, (row, scores) in enumerate(zip(rows, self.score(evaluation), strict=True)):
            values[place, 0], values[place, 1] = tasks.index(row.task), row.phrasing
            for name, score in scores.items():
                values[place, 2 + self.columns.index(name)] = score
        self._scored.append((torch.tensor([row.index for row in rows], dtype=torch.int64), values))

    def finish(self, trainer: Trainer, pl_module: LightningModule, stage: Stage) -> None:
        """Merge the ranks' tables and log the result."""
        datamodule = evaluation_data(trainer)
        tasks = datamodule.task_names
        table = self._merge_parts(datamodule.num_rows(stage), pl_module.device)
        headlines = []
        for number, task in enumerate(tasks):
            of_task = table[table[:, 0] == number, 1:]
            if len(of_task) == 0:
                continue
            by_phrasing = [of_task[of_task[:, 0] == phrasing, 1:].T for phrasing in np.unique(of_task[:, 0])]
            summaries = [
                self.summarize_task(task, dict(zip(self.columns, columns, strict=True)))
                for columns in by_phrasing
            ]
            if len(summaries) > 1:
                self._log_phrasings(pl_module, f"{stage}/{task}", summaries)
            for name, estimate in average_phrasings(summaries).items():
                self._log(pl_module, f"{stage}/{task}/{name}", estimate)
                if name == self.headline and task not in datamodule.held_out:  # they choose no checkpoint
                    headlines.append(estimate.value)
        if headlines:
            mean = sum(headlines) / len(headlines)
            pl_module.log(f"{stage}/{self.headline}", mean, prog_bar=True, sync_dist=False)

    def _merge_parts(self, num_rows: int, device: torch.device) -> np.ndarray:
        """Return `(n, 2 + columns)` float64: numbers of task and phrasing, and scores of all ranks' rows; nan for no score."""
        parts, self._scored = self._scored, []
        index, values = (torch.cat(columns) for columns in zip(*parts, strict=True))
        return merge_scores(index, values, num_rows, device)

    def _log_phrasings(
        self, pl_module: LightningModule, prefix: str, summaries: Sequence[Mapping[str, Estimate]]
    ) -> None:
        """Log worst and spread of a task's phrasings, and the headline metric of each phrasing, from 1."""
        values = spread_phrasings(summaries, self.higher_is_better)
        for number, summary in enumerate(summaries, 1):
            if self.headline is not None and self.headline in summary:
                values[f"{self.headline}_phrasing_{number}"] = summary[self.headline].value
        for name, value in values.items():
            pl_module.log(f"{prefix}/{name}", value, sync_dist=False, rank_zero_only=False)

    @staticmethod
    def _log(pl_module: LightningModule, name: str, estimate: Estimate) -> None:
        for suffix, value in (("", estimate.value), ("_low", estimate.low), ("_high", estimate.high)):
            pl_module.log(name + suffix, value, sync_dist=False, rank_zero_only=False)


class DetailedMetric(RowMetric):
    """A metric that `test` and `validate` measure, and `fit` only with `each_epoch`.

    Args:
        each_epoch: Whether `fit` also measures after each epoch.
    """

    def __init__(self, each_epoch: bool = False) -> None:
        super().__init__()
        self.each_epoch = each_epoch

    def is_on(self, trainer: Trainer) -> bool:
        """Return whether this evaluation is measured; equal on all ranks."""
        return self.each_epoch or trainer.state.fn != TrainerFn.FITTING

    def read_part(
        self, trainer: Trainer, pl_module: LightningModule, stage: Stage, evaluation: Evaluation
    ) -> None:
        """Score, if this evaluation is measured."""
        if self.is_on(trainer):
            super().read_part(trainer, pl_module, stage, evaluation)

    def finish(self, trainer: Trainer, pl_module: LightningModule, stage: Stage) -> None:
        """Log, if this evaluation is measured."""
        if self.is_on(trainer):
            super().finish(trainer, pl_module, stage)
