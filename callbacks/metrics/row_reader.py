"""The rows that this rank has evaluated: collected once per epoch, read by any number of callbacks.

Every callback that reads rows (metrics, tables) is a `RowReader`. The readers of a trainer share one
`SharedEvaluation`. Each reader offers it every batch, and only the first offer of a batch counts. At the end of the epoch
all readers get the same `Evaluation`. So no callback depends on another or on its position in the trainer's list.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from functools import cache, partial
from typing import Any, ClassVar

from lightning.pytorch import Callback, LightningModule, Trainer

from callbacks.metrics.row_scores import merge_scores
from callbacks.rows.evaluated_row import EvaluatedRow, Stage
from callbacks.rows.evaluation import Evaluation
from callbacks.rows.notation_calls import NotationCalls
from callbacks.rows.protocols import EvaluationData, evaluation_data
from callbacks.rows.training_molecules import TrainingMolecules
from callbacks.rows.verdicts import judge_ahead
from callbacks.rows.windows import keep_best_windows
from callbacks.run.run_facts import find_threshold
from callbacks.run.training_memory import evaluated_record
from datamodules.workers.opsin import why_unavailable


class EvaluatedRows:
    """This rank's rows of one evaluation epoch."""

    def __init__(self) -> None:
        self._batches: set[tuple[int, int]] = set()
        self._rows: dict[int, EvaluatedRow] = {}

    def clear(self) -> None:
        """Drop all rows: a new epoch begins."""
        self._batches, self._rows = set(), {}

    def add(
        self, batch: tuple[int, int], outputs: Mapping[str, Any], datamodule: EvaluationData, stage: Stage
    ) -> list[EvaluatedRow]:
        """Keep the outputs of `batch` = (dataloader index, batch index), unless it was offered before.

        Returns:
            The new rows: none for a batch that was offered before; each index once, without filler rows.
        """
        if batch in self._batches:
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
            if index >= 0 and index not in self._rows:
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
        return {index: self._rows[index] for index in sorted(self._rows)}


class SharedEvaluation:
    """State that a trainer's readers share: the epoch's rows, their evaluation, and the calls to notations.

    Attributes:
        calls: The calls to notations, with results kept from one epoch to the next. A test may replace it.
        rows: The rows evaluated so far in this epoch.
    """

    def __init__(self) -> None:
        self.calls = NotationCalls()
        self.rows = EvaluatedRows()
        self._evaluation: Evaluation | None = None
        self._data: EvaluationData | None = None
        self._training: TrainingMolecules | None = None

    def begin(self) -> None:
        """Drop the rows: a new epoch begins."""
        self.rows.clear()
        self._evaluation = None

    def end(self, trainer: Trainer, pl_module: LightningModule, stage: Stage) -> Evaluation:
        """Return the epoch's evaluation, the same one for all readers. Every rank must call it."""
        if self._evaluation is None:
            merge = partial(merge_scores, device=pl_module.device)
            kept = keep_best_windows(self.rows.answers(), evaluation_data(trainer), stage, merge)
            rows = sorted(kept.values(), key=lambda row: row.index)
            self._evaluation = Evaluation(
                rows,
                self.calls,
                self._training_of(trainer, pl_module),
                reads_names=agree_to_read_names(trainer, rows),
                abstain_below=find_threshold(pl_module),
            )
        return self._evaluation

    def _training_of(self, trainer: Trainer, pl_module: LightningModule) -> TrainingMolecules:
        """Return the training molecules, by the run's record where there is one; the next epoch uses them again."""
        data = evaluation_data(trainer)
        if self._training is None or self._data is not data:
            record = evaluated_record(trainer, pl_module)
            rows = (
                partial(data.side_texts, "train")
                if record is None
                else cache(partial(data.trained_texts, record))  # hashes the identities of all rows
            )
            self._data, self._training = data, TrainingMolecules(rows, self.calls.pool, record)
        return self._training

    def close(self) -> None:
        """Drop the rows and end the child processes, until the next stage."""
        self.begin()
        self.calls.close()


class RowReader(Callback):
    """Base class of the callbacks that read an epoch's evaluated rows; subclasses override `read_rows`.

    Attributes:
        shared: State for all readers of a trainer, which use that of the first reader among the callbacks.
    """

    stages: ClassVar[tuple[Stage, ...]] = ("val", "test")
    """The stages whose rows this reader reads."""
    asks: ClassVar[tuple[str, ...]] = ()
    """Notation functions that it needs; they check the rows of a batch while the next one is generated."""

    def __init__(self) -> None:
        self.shared = SharedEvaluation()

    def read_rows(
        self, trainer: Trainer, pl_module: LightningModule, stage: Stage, evaluation: Evaluation
    ) -> None:
        """Process this rank's rows at the end of an epoch.

        It is called on every rank, also without rows, and never for the sanity check before training.
        """
        raise NotImplementedError

    def wants_names(self, trainer: Trainer) -> bool:
        """Return whether OPSIN should read names in this evaluation; equal on all ranks."""
        return False

    def _start(self, trainer: Trainer) -> None:
        find_shared(trainer).begin()

    def _add(self, trainer: Trainer, stage: Stage, outputs: Any, batch: tuple[int, int]) -> None:
        if (
            outputs is None
            or "prediction" not in outputs
            or stage not in self.stages
            or trainer.sanity_checking
        ):
            return
        shared = find_shared(trainer)
        new = shared.rows.add(batch, outputs, evaluation_data(trainer), stage)
        if new:
            functions = [name for one in find_readers(trainer) if stage in one.stages for name in one.asks]
            judge_ahead(shared.calls, new, list(dict.fromkeys(functions)))

    def _end(self, trainer: Trainer, pl_module: LightningModule, stage: Stage) -> None:
        if stage in self.stages and not trainer.sanity_checking:
            self.read_rows(trainer, pl_module, stage, find_shared(trainer).end(trainer, pl_module, stage))

    def teardown(self, trainer: Trainer, pl_module: LightningModule, stage: str) -> None:
        """End the child processes."""
        self.shared.close()

    def on_validation_epoch_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Begin a new epoch."""
        self._start(trainer)

    def on_test_epoch_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Begin a new epoch."""
        self._start(trainer)

    def on_predict_epoch_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Begin a new epoch."""
        self._start(trainer)

    def on_validation_batch_end(
        self,
        trainer: Trainer,
        pl_module: LightningModule,
        outputs: Any,
        batch: Any,
        batch_idx: int,
        dataloader_idx: int = 0,
    ) -> None:
        """Keep the batch's outputs."""
        self._add(trainer, "val", outputs, (dataloader_idx, batch_idx))

    def on_test_batch_end(
        self,
        trainer: Trainer,
        pl_module: LightningModule,
        outputs: Any,
        batch: Any,
        batch_idx: int,
        dataloader_idx: int = 0,
    ) -> None:
        """Keep the batch's outputs."""
        self._add(trainer, "test", outputs, (dataloader_idx, batch_idx))

    def on_predict_batch_end(
        self,
        trainer: Trainer,
        pl_module: LightningModule,
        outputs: Any,
        batch: Any,
        batch_idx: int,
        dataloader_idx: int = 0,
    ) -> None:
        """Keep the batch's outputs."""
        self._add(trainer, "predict", outputs, (dataloader_idx, batch_idx))

    def on_validation_epoch_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Read the rows."""
        self._end(trainer, pl_module, "val")

    def on_test_epoch_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Read the rows."""
        self._end(trainer, pl_module, "test")

    def on_predict_epoch_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Read the rows."""
        self._end(trainer, pl_module, "predict")


def find_readers(trainer: Trainer) -> list[RowReader]:
    """Return the readers among a trainer's callbacks."""
    callbacks: list[Callback] = trainer.callbacks  # type: ignore[attr-defined]
    return [one for one in callbacks if isinstance(one, RowReader)]


def find_shared(trainer: Trainer) -> SharedEvaluation:
    """Return what the readers of a trainer share."""
    return find_readers(trainer)[0].shared


def agree_to_read_names(trainer: Trainer, rows: Sequence[EvaluatedRow]) -> bool:
    """Return whether OPSIN reads the names of this evaluation: a reader wants them, and all ranks have OPSIN.

    Names in the input are read, too, if there is no reference to compare the answers with.

    Every rank must call it, with its own rows; the result is equal on all ranks.
    """
    if not any(reader.wants_names(trainer) for reader in find_readers(trainer)):
        return False
    has_names = any(
        row.output_notation == "iupac" or (row.input_notation == "iupac" and row.target is None)
        for row in rows
    )
    if not trainer.strategy.reduce_boolean_decision(has_names, all=False):
        return False  # so that Java need not start
    return trainer.strategy.reduce_boolean_decision(why_unavailable() is None)
