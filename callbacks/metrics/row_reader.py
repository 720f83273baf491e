"""The rows that this rank has evaluated: collected once an epoch, read by any number of callbacks.

Every callback that reads rows (metrics, tables) is a `RowReader`. The readers of a trainer share one
`SharedEvaluation`; each of them offers it every batch, and the second offer of a batch changes nothing. At the end each
gets the same `Evaluation`. So no callback depends on another or on its place in the trainer's list.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any, ClassVar

from lightning.pytorch import Callback, LightningModule, Trainer

from callbacks.rows.evaluated_row import EvaluatedRow, Stage
from callbacks.rows.evaluation import Evaluation
from callbacks.rows.notation_calls import NotationCalls
from callbacks.rows.protocols import EvaluationData, evaluation_data
from callbacks.rows.training_molecules import TrainingMolecules
from callbacks.rows.verdicts import judge_ahead
from callbacks.run.run_facts import find_threshold
from datamodules.workers.opsin import why_unavailable


class EvaluatedRows:
    """This rank's rows of one evaluation epoch."""

    def __init__(self) -> None:
        self._batches: set[tuple[int, int]] = set()
        self._rows: dict[int, EvaluatedRow] = {}

    def clear(self) -> None:
        """Forget everything: a new epoch begins."""
        self._batches, self._rows = set(), {}

    def add(
        self, batch: tuple[int, int], outputs: Mapping[str, Any], datamodule: EvaluationData, stage: Stage
    ) -> list[EvaluatedRow]:
        """Keep the outputs of `batch` = (dataloader index, batch index), whoever offers them first.

        Returns:
            The rows that are new: none for a batch that was offered before; each index once, without filler rows.
        """
        if batch in self._batches:
            return []
        self._batches.add(batch)
        columns = (outputs[key].tolist() for key in ("row_index", "score", "stopped", "num_tokens"))
        new = []
        drawn = outputs.get("candidates") or [()] * len(outputs["prediction"])
        replaced = outputs["replaced"].tolist() if "replaced" in outputs else [None] * len(drawn)
        for index, score, stopped, num_tokens, text, others, tokens in zip(
            *columns, outputs["prediction"], drawn, replaced, strict=True
        ):
            if index >= 0 and index not in self._rows:
                row = datamodule.row(stage, index)
                self._rows[index] = EvaluatedRow(
                    **vars(row),
                    prediction=datamodule.extract(stage, index, text).strip(),
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

    def rows(self) -> list[EvaluatedRow]:
        """Return this rank's rows in index order."""
        return [self._rows[index] for index in sorted(self._rows)]


class SharedEvaluation:
    """What the readers of a trainer share: the rows of the epoch, what is decided about them, and who decides it.

    Attributes:
        calls: Who answers questions about notations, from one epoch to the next. A test may put another in its place.
        rows: What was evaluated so far in this epoch.
    """

    def __init__(self) -> None:
        self.calls = NotationCalls()
        self.rows = EvaluatedRows()
        self._evaluation: Evaluation | None = None
        self._data: EvaluationData | None = None
        self._training: TrainingMolecules | None = None

    def begin(self) -> None:
        """Forget the rows: a new epoch begins."""
        self.rows.clear()
        self._evaluation = None

    def end(self, trainer: Trainer, pl_module: LightningModule) -> Evaluation:
        """Return the epoch's evaluation, the same one to each reader. Every rank must call it."""
        if self._evaluation is None:
            rows = self.rows.rows()
            self._evaluation = Evaluation(
                rows,
                self.calls,
                self._training_of(evaluation_data(trainer)),
                reads_names=agree_to_read_names(trainer, rows),
                abstain_below=find_threshold(pl_module),
            )
        return self._evaluation

    def _training_of(self, data: EvaluationData) -> TrainingMolecules:
        """Return the training molecules of a data module, which stay known for the next stage."""
        if self._training is None or self._data is not data:
            self._data = data
            self._training = TrainingMolecules(partial(data.side_texts, "train"), self.calls.pool)
        return self._training

    def close(self) -> None:
        """Forget the rows and end the child processes, until the next stage."""
        self.begin()
        self.calls.close()


class RowReader(Callback):
    """Base of the callbacks that read an epoch's evaluated rows; subclasses override `read_rows`.

    Attributes:
        shared: What all readers use is that of the first one among the trainer's callbacks.
    """

    stages: ClassVar[tuple[Stage, ...]] = ("val", "test")
    """The stages that this reader takes part in."""
    asks: ClassVar[tuple[str, ...]] = ()
    """Functions of notations that it judges rows by; the rows of a batch are judged while the next is generated."""

    def __init__(self) -> None:
        self.shared = SharedEvaluation()

    def read_rows(
        self, trainer: Trainer, pl_module: LightningModule, stage: Stage, evaluation: Evaluation
    ) -> None:
        """Do something with this rank's rows at the end of an epoch.

        It is called on every rank, also with no rows, and never for the sanity check before training.
        """
        raise NotImplementedError

    def wants_names(self, trainer: Trainer) -> bool:
        """Return whether it asks for names to be read by OPSIN in this evaluation; equal on all ranks."""
        return False

    def _start(self, trainer: Trainer) -> None:
        find_shared(trainer).begin()

    def _add(self, trainer: Trainer, stage: Stage, outputs: Any, batch: tuple[int, int]) -> None:
        if outputs is None or stage not in self.stages or trainer.sanity_checking:
            return
        shared = find_shared(trainer)
        new = shared.rows.add(batch, outputs, evaluation_data(trainer), stage)
        if new:
            asked = [name for one in find_readers(trainer) if stage in one.stages for name in one.asks]
            judge_ahead(shared.calls, new, list(dict.fromkeys(asked)))

    def _end(self, trainer: Trainer, pl_module: LightningModule, stage: Stage) -> None:
        if stage in self.stages and not trainer.sanity_checking:
            self.read_rows(trainer, pl_module, stage, find_shared(trainer).end(trainer, pl_module))

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
    """Return whether the names of this evaluation are read: a reader wants them, and there is OPSIN on all ranks.

    Names that are asked are read, too, where there is no reference to judge the answers by.

    Every rank must call it, with its own rows; the answer is equal on all of them.
    """
    if not any(reader.wants_names(trainer) for reader in find_readers(trainer)):
        return False
    here = any(
        row.output_notation == "iupac" or (row.input_notation == "iupac" and row.target is None)
        for row in rows
    )
    if not trainer.strategy.reduce_boolean_decision(here, all=False):
        return False  # Java need not even start
    return trainer.strategy.reduce_boolean_decision(why_unavailable() is None)
