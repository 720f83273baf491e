"""How predictions fail: the share of each outcome, and why predictions are invalid."""

from __future__ import annotations

from collections import Counter
from collections.abc import Container, Iterable, Mapping
from types import MappingProxyType
from typing import Any

from lightning.pytorch import LightningModule, Trainer

from callbacks.metrics.reading.coded import CodedRows
from callbacks.metrics.row_metric import DetailedMetric, Estimate
from callbacks.rows.evaluated_row import Stage
from callbacks.rows.evaluation import Evaluation
from callbacks.rows.outcomes import OF_KIND, OUTCOMES, kind_of, name_outcome, word_outcome
from callbacks.run.run_facts import output_folder
from callbacks.statistics.intervals import wilson_interval
from datamodules.storage.safe_csv import write_csv

COLUMNS = ("task", "outcome", "meaning", "reason", "rows", "of", "share", "low", "high")


class ErrorClasses(DetailedMetric):
    """Share of rows with each outcome, `outcome_exact` and so on; each row has exactly one.

    `callbacks.rows.outcomes.OF_KIND` lists the outcomes of each kind of task: only texts can be related molecules.
    `error_classes.csv` in the evaluation's folder holds their shares with 95 % Wilson intervals, and the reasons why
    predictions are invalid (unclosed ring, valence, unknown name part, ...).

    Args:
        each_epoch: Whether `fit` also measures after each epoch.
    """

    columns = tuple(f"outcome_{name}" for name in OUTCOMES)
    higher_is_better = MappingProxyType(
        {"outcome_exact": True, "outcome_invalid": False, "outcome_unfinished": False}
    )
    interval = "wilson"

    def __init__(self, each_epoch: bool = False) -> None:
        super().__init__(each_epoch)
        self._found, self._by_opsin = CodedRows(), set[str]()

    def begin(self) -> None:
        """Drop what an evaluation that was stopped has left."""
        super().begin()
        self._found, self._by_opsin = CodedRows(), set()

    def read_part(
        self, trainer: Trainer, pl_module: LightningModule, stage: Stage, evaluation: Evaluation
    ) -> None:
        """Keep the outcomes of the rows, and their shares."""
        if not self.is_on(trainer):
            return
        super().read_part(trainer, pl_module, stage, evaluation)
        if evaluation.reads_names:
            self._by_opsin |= {row.task for row in evaluation.rows if row.output_notation == "iupac"}
        self._found.add(
            {
                row.index: (row.task, kind_of(row), one.name, one.reason)
                for row, one in zip(evaluation.rows, evaluation.outcomes, strict=True)
            }
        )

    def finish(self, trainer: Trainer, pl_module: LightningModule, stage: Stage) -> None:
        """Log the shares, and write the table on rank 0."""
        if not self.is_on(trainer):
            return
        super().finish(trainer, pl_module, stage)
        items, by_opsin = self._found.gather(), self._by_opsin
        self._found, self._by_opsin = CodedRows(), set()
        if trainer.is_global_zero:
            kinds = {task: kind for task, kind, _, _ in items}
            named = ((task, name_outcome(name, kind), why) for task, kind, name, why in items)
            write_csv(output_folder(trainer) / "error_classes.csv", COLUMNS, tabulate(named, kinds, by_opsin))

    def score(self, evaluation: Evaluation) -> list[dict[str, float]]:
        """Return 1 for the row's outcome and 0 for all others that its kind has."""
        return [
            {
                f"outcome_{name}": float(name == name_outcome(one.name, kind_of(row)))
                for name in OF_KIND[kind_of(row)]
            }
            for row, one in zip(evaluation.rows, evaluation.outcomes, strict=True)
        ]

    @staticmethod
    def _log(pl_module: LightningModule, name: str, estimate: Estimate) -> None:
        """Log only the share: the file has the intervals, and 18 more metrics would hide the others."""
        pl_module.log(name, estimate.value, sync_dist=False, rank_zero_only=False)


def tabulate(
    items: Iterable[tuple[str, str, str | None]],
    kinds: Mapping[str, str] = MappingProxyType({}),
    by_opsin: Container[str] = (),
) -> list[dict[str, Any]]:
    """Return the table's lines, by task and outcome.

    An outcome's line has an empty reason and counts all its rows. The lines of its reasons follow, the most frequent first.

    Args:
        items: (task, outcome, reason) of each row.
        kinds: The kind of each task, if it is not `text`.
        by_opsin: The tasks whose answers are names that OPSIN was to read.
    """
    counts = Counter(items)
    lines = []
    for task in dict.fromkeys(task for task, _, _ in counts):
        of = sum(number for (name, _, _), number in counts.items() if name == task)
        task_kind = kinds.get(task, "text")
        for outcome in OF_KIND[task_kind]:
            reasons = Counter(
                {
                    why: number
                    for (name, kind, why), number in counts.items()
                    if (name, kind) == (task, outcome)
                }
            )
            groups = [
                (None, reasons.total()),
                *((why, n) for why, n in reasons.most_common() if why is not None),
            ]
            shares = [_share(number, of) for _, number in groups]
            named = {
                "task": task,
                "outcome": outcome,
                "meaning": word_outcome(outcome, task_kind, task in by_opsin),
            }
            lines += [
                {**named, "reason": why, **share} for (why, _), share in zip(groups, shares, strict=True)
            ]
    return lines


def _share(rows: int, of: int) -> dict[str, float]:
    low, high = wilson_interval(rows, of)
    return {"rows": rows, "of": of, "share": rows / of, "low": low, "high": high}
