"""The rows that this rank has evaluated: collected once an epoch, read by any number of callbacks.

Every callback that reads rows (metrics, tables) is a `RowReader`. Readers share one `EvaluatedRows` per
trainer; each of them offers it every batch, and the second offer of a batch changes nothing. So no callback
depends on another or on its place in the trainer's list.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar
from weakref import WeakKeyDictionary

from lightning.pytorch import Callback, LightningModule, Trainer

from callbacks.rows.evaluated_row import EvaluatedRow, Stage
from callbacks.rows.protocols import EvaluationData, evaluation_data
from callbacks.rows.verdicts import judge_ahead


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


_SHARED: WeakKeyDictionary[Trainer, EvaluatedRows] = WeakKeyDictionary()


class RowReader(Callback):
    """Base of the callbacks that read an epoch's evaluated rows; subclasses override `read_rows`."""

    stages: ClassVar[tuple[Stage, ...]] = ("val", "test")
    """The stages that this reader takes part in."""
    asks: ClassVar[tuple[str, ...]] = ()
    """Functions of notations that it judges rows by; the rows of a batch are judged while the next is generated."""

    def read_rows(
        self, trainer: Trainer, pl_module: LightningModule, stage: Stage, rows: list[EvaluatedRow]
    ) -> None:
        """Do something with this rank's rows at the end of an epoch.

        It is called on every rank, also with no rows, and never for the sanity check before training.
        """
        raise NotImplementedError

    def _start(self, trainer: Trainer) -> None:
        _SHARED.setdefault(trainer, EvaluatedRows()).clear()

    def _add(self, trainer: Trainer, stage: Stage, outputs: Any, batch: tuple[int, int]) -> None:
        if outputs is None or stage not in self.stages or trainer.sanity_checking:
            return
        new = _SHARED[trainer].add(batch, outputs, evaluation_data(trainer), stage)
        if new:
            readers = [reader for reader in trainer.callbacks if isinstance(reader, RowReader)]  # type: ignore[attr-defined]
            asked = [name for reader in readers if stage in reader.stages for name in reader.asks]
            judge_ahead(new, list(dict.fromkeys(asked)))

    def _end(self, trainer: Trainer, pl_module: LightningModule, stage: Stage) -> None:
        if stage in self.stages and not trainer.sanity_checking:
            self.read_rows(trainer, pl_module, stage, _SHARED[trainer].rows())

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
