"""The rows that this rank has evaluated: collected once per epoch, read by any number of callbacks.

Every callback that reads rows (metrics, tables) is a `RowReader`. The readers of a trainer share one
`SharedEvaluation`. Each reader offers it every batch, and only the first offer of a batch counts. At the end of the epoch
all readers get the same `Evaluation`. So no callback depends on another or on its position in the trainer's list.
"""

from __future__ import annotations

from functools import cache, partial
from typing import Any, ClassVar

from lightning.pytorch import Callback, LightningModule, Trainer
from lightning.pytorch.trainer.states import TrainerFn

from callbacks.metrics.reading.collected import EvaluatedRows, Parts
from callbacks.metrics.row_scores import merge_scores
from callbacks.rows.evaluated_row import Stage
from callbacks.rows.evaluation import Evaluation
from callbacks.rows.notation_calls import NotationCalls
from callbacks.rows.protocols import EvaluationData, evaluation_data
from callbacks.rows.training_molecules import TrainingMolecules
from callbacks.rows.verdicts import judge_ahead
from callbacks.rows.windows import keep_best_windows
from callbacks.run.run_facts import find_threshold
from callbacks.run.training_memory import evaluated_record
from datamodules.rows.row import Row
from datamodules.workers.opsin import why_unavailable


class SharedEvaluation:
    """State that a trainer's readers share: the epoch's rows, their evaluation, and the calls to notations.

    Attributes:
        calls: The calls to notations, with results kept from one epoch to the next. A test may replace it.
        rows: The rows evaluated so far in this epoch; without those of earlier parts if nobody needs them any more.
        part: The rows of the part that ends with the latest batch, for all readers; None if none does.
    """

    def __init__(self) -> None:
        self.calls = NotationCalls()
        self.rows = EvaluatedRows()
        self.part: Evaluation | None = None
        self._parts = Parts()
        self._reads_names: bool | None = None
        self._is_ended = False
        self._evaluation: Evaluation | None = None
        self._data: EvaluationData | None = None
        self._training: TrainingMolecules | None = None

    def begin(self, timed: bool = False) -> None:
        """Drop the rows: a new epoch begins, whose parts end after some time, too, if it is `timed`."""
        self.rows.clear()
        self._parts.begin(timed)
        self._evaluation = self.part = self._reads_names = None
        self._is_ended = False

    def note_batch(self, trainer: Trainer, pl_module: LightningModule, stage: Stage) -> None:
        """Set the part if one ends with this batch. Every rank must call it once after each batch."""
        self.part = self.cut(trainer, pl_module, stage) if self._parts.ends(trainer) else None

    def cut(self, trainer: Trainer, pl_module: LightningModule, stage: Stage) -> Evaluation:
        """Return the rows since the last part as one. Every rank must call it."""
        if self._reads_names is None:
            has_names = _asks_about_names(evaluation_data(trainer), stage)
            self._reads_names = agree_to_read_names(trainer, has_names)
        keep = not all(isinstance(one, PartReader) for one in find_readers(trainer) if stage in one.stages)
        rows = self.rows.cut(keep)
        return Evaluation(
            list(rows.values()),
            self.calls,
            self._training_of(trainer, pl_module),
            reads_names=self._reads_names,
            abstain_below=find_threshold(pl_module),
            prompts=list(rows),
        )

    def end_part(self, trainer: Trainer, pl_module: LightningModule, stage: Stage) -> Evaluation:
        """Return the last part, the same one for all readers. Every rank must call it."""
        if not self._is_ended:
            self._is_ended, self.part = True, self.cut(trainer, pl_module, stage)
        assert self.part is not None
        return self.part

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
                reads_names=agree_to_read_names(trainer, any(map(_holds_name, rows))),
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
        find_shared(trainer).begin(timed=trainer.state.fn == TrainerFn.PREDICTING)
        if isinstance(self, PartReader):
            self.begin()

    def _add(
        self,
        trainer: Trainer,
        pl_module: LightningModule,
        stage: Stage,
        outputs: Any,
        batch: tuple[int, int],
    ) -> None:
        if (
            outputs is None
            or "prediction" not in outputs
            or stage not in self.stages
            or trainer.sanity_checking
        ):
            return
        shared = find_shared(trainer)
        if not shared.rows.knows(batch):
            new = shared.rows.add(batch, outputs, evaluation_data(trainer), stage)
            functions = [name for one in find_readers(trainer) if stage in one.stages for name in one.asks]
            judge_ahead(shared.calls, new, list(dict.fromkeys(functions)))
            if is_in_parts(trainer, stage):
                shared.note_batch(trainer, pl_module, stage)
        if shared.part is not None and isinstance(self, PartReader):
            self.read_part(trainer, pl_module, stage, shared.part)

    def _end(self, trainer: Trainer, pl_module: LightningModule, stage: Stage) -> None:
        if stage not in self.stages or trainer.sanity_checking:
            return
        shared = find_shared(trainer)
        if isinstance(self, PartReader) and is_in_parts(trainer, stage):
            self.read_part(trainer, pl_module, stage, shared.end_part(trainer, pl_module, stage))
            self.finish(trainer, pl_module, stage)
        else:
            self.read_rows(trainer, pl_module, stage, shared.end(trainer, pl_module, stage))

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
        self._add(trainer, pl_module, "val", outputs, (dataloader_idx, batch_idx))

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
        self._add(trainer, pl_module, "test", outputs, (dataloader_idx, batch_idx))

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
        self._add(trainer, pl_module, "predict", outputs, (dataloader_idx, batch_idx))

    def on_validation_epoch_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Read the rows."""
        self._end(trainer, pl_module, "val")

    def on_test_epoch_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Read the rows."""
        self._end(trainer, pl_module, "test")

    def on_predict_epoch_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Read the rows."""
        self._end(trainer, pl_module, "predict")


class PartReader(RowReader):
    """Base class of the readers that need no row twice: outside of `fit` they read an evaluation part by part.

    If all readers of a stage are such, rows are dropped after each part, so that memory does not grow with their number.
    """

    def begin(self) -> None:
        """Forget an evaluation that was stopped: a new one begins."""

    def read_part(
        self, trainer: Trainer, pl_module: LightningModule, stage: Stage, evaluation: Evaluation
    ) -> None:
        """Process this rank's rows of a part. It is called on every rank, also without rows."""
        raise NotImplementedError

    def finish(self, trainer: Trainer, pl_module: LightningModule, stage: Stage) -> None:
        """Process what the parts left, behind the last one. It is called on every rank."""
        raise NotImplementedError

    def read_rows(
        self, trainer: Trainer, pl_module: LightningModule, stage: Stage, evaluation: Evaluation
    ) -> None:
        """Read the rows of an evaluation as its only part."""
        self.read_part(trainer, pl_module, stage, evaluation)
        self.finish(trainer, pl_module, stage)


def is_in_parts(trainer: Trainer, stage: Stage) -> bool:
    """Return whether an evaluation is read part by part; equal on all ranks.

    The sample of a `fit` is not, and neither is one whose rows have windows, of which the best one is known at the end; `predict`
    keeps the answers to all windows on the disk.
    """
    readers = (one for one in find_readers(trainer) if stage in one.stages)
    if trainer.state.fn == TrainerFn.FITTING or not any(isinstance(one, PartReader) for one in readers):
        return False
    data = evaluation_data(trainer)
    return stage == "predict" or data.num_asked(stage) == data.num_rows(stage)


def find_readers(trainer: Trainer) -> list[RowReader]:
    """Return the readers among a trainer's callbacks."""
    callbacks: list[Callback] = trainer.callbacks  # type: ignore[attr-defined]
    return [one for one in callbacks if isinstance(one, RowReader)]


def find_shared(trainer: Trainer) -> SharedEvaluation:
    """Return what the readers of a trainer share."""
    return find_readers(trainer)[0].shared


def _holds_name(row: Row) -> bool:
    """Return whether OPSIN could read the row's answer, or its input, if there is no reference to compare the answer with."""
    return row.output_notation == "iupac" or (row.input_notation == "iupac" and row.target is None)


def _asks_about_names(data: EvaluationData, stage: Stage) -> bool:
    """Return whether any row of a stage may hold names, before all of them are known; equal on all ranks."""
    if stage == "predict":  # whose rows are of one task
        return data.num_rows(stage) > 0 and _holds_name(data.row(stage, 0))
    return any(task.output.notation == "iupac" for task in data.tasks)


def agree_to_read_names(trainer: Trainer, has_names: bool) -> bool:
    """Return whether OPSIN reads the names of this evaluation: a reader wants them, and all ranks have OPSIN.

    Every rank must call it; the result is equal on all ranks.

    Args:
        trainer: The trainer.
        has_names: Whether this rank's rows hold any.
    """
    if not any(reader.wants_names(trainer) for reader in find_readers(trainer)):
        return False
    if not trainer.strategy.reduce_boolean_decision(has_names, all=False):
        return False  # so that Java need not start
    return trainer.strategy.reduce_boolean_decision(why_unavailable() is None)
