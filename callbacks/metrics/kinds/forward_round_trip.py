"""Whether a forward model leads back from an answer to the question: from predicted reactants to the product asked for."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType
from typing import Protocol

import torch
from lightning.pytorch import LightningModule, Trainer

from callbacks.metrics.row_metric import RowMetric
from callbacks.rows.evaluated_row import EvaluatedRow, Stage
from callbacks.rows.evaluation import Evaluation
from callbacks.rows.protocols import evaluation_data
from datamodules.tasks import Task, find_reverse

_MEANINGS = ("canonical", "value", "string")
"""The notions of "same" that compare what two texts mean, the first that a notation has."""


class Answered(Protocol):
    """An answer of a forward model."""

    @property
    def text(self) -> str | None:
        """The answer; None if the question was not asked."""


class ForwardModel(Protocol):
    """A trained model that answers texts."""

    @property
    def tasks(self) -> Mapping[str, Task]:
        """Its tasks by name."""

    def predict(self, texts: Sequence[str], task: str) -> Sequence[Answered]:
        """Return the answers to texts, in order."""


class ForwardRoundTrip(RowMetric):
    """Share of the answers from which a forward model predicts what was asked, with 95 % Wilson intervals: `round_trip`.

    For `product_to_reactants` it is the share of predicted reactants for which a model of `reactants_to_product` predicts the
    product asked for (P. Schwaller et al., Chem. Sci. 2020, 11, 3316). An answer that is not valid is wrong and not asked.
    Products are compared as molecules. The forward model may err, too, so its own exact match bounds what can be reached.

    `validate` and `test` measure it with `--round_trip RUN`; without the flag it does nothing.

    Attributes:
        load: Loads the forward model on a device; None if there is none.
    """

    columns = ("round_trip",)
    higher_is_better = MappingProxyType({"round_trip": True})
    interval = "wilson"

    def __init__(self) -> None:
        super().__init__()
        self.load: Callable[[torch.device], ForwardModel] | None = None
        self._model: ForwardModel | None = None
        self._tasks: Sequence[Task] = ()

    def read_part(
        self, trainer: Trainer, pl_module: LightningModule, stage: Stage, evaluation: Evaluation
    ) -> None:
        """Ask the forward model about this rank's rows."""
        if self.load is None:
            return
        self._tasks = evaluation_data(trainer).tasks
        if self._model is None and evaluation.rows:
            self._model = self.load(pl_module.device)
        super().read_part(trainer, pl_module, stage, evaluation)

    def finish(self, trainer: Trainer, pl_module: LightningModule, stage: Stage) -> None:
        """Log the shares, if there is a forward model."""
        if self.load is not None:
            super().finish(trainer, pl_module, stage)

    def score(self, evaluation: Evaluation) -> list[dict[str, float]]:
        """Return 1 for each answer that leads back, 0 for others, and nothing for rows whose task the model cannot turn round."""
        scores: list[dict[str, float]] = [{} for _ in evaluation.rows]
        if self._model is None:
            return scores
        valid = [reason is None for reason in evaluation.invalid_reasons]
        for task in self._tasks:
            reverse = find_reverse(task, list(self._model.tasks.values()))
            if reverse is None:
                continue
            places = [place for place, row in enumerate(evaluation.rows) if row.task == task.name]
            asked = [place for place in places if valid[place]]
            back = lead_back(self._model, reverse, [evaluation.rows[place] for place in asked], evaluation)
            for place in places:
                scores[place] = {"round_trip": 0.0}
            for place, same in zip(asked, back, strict=True):
                scores[place] = {"round_trip": float(same)}
        return scores

    def teardown(self, trainer: Trainer, pl_module: LightningModule, stage: str) -> None:
        """Drop the forward model, and end the child processes."""
        self._model = None
        super().teardown(trainer, pl_module, stage)


def lead_back(
    model: ForwardModel, reverse: Task, rows: Sequence[EvaluatedRow], evaluation: Evaluation
) -> list[bool]:
    """Return for each row whether a model answers the row's prediction with its input.

    Args:
        model: The forward model.
        reverse: Its task.
        rows: Rows with valid predictions.
        evaluation: Compares texts in the task's output notation.
    """
    if not rows:
        return []
    texts = list(dict.fromkeys(row.prediction for row in rows))
    answers = dict(zip(texts, model.predict(texts, reverse.name), strict=True))
    pairs = [(answers[row.prediction].text or "", row.meant) for row in rows]
    same = evaluation.calls.same(reverse.output.notation, pairs)
    return [next(notions[name] for name in _MEANINGS if name in notions) for notions in same]
