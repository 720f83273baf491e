"""Remember in the run's folder which rows a model was trained on, so that a test need not work it out again."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from lightning.pytorch import Callback, LightningModule, Trainer
from lightning.pytorch.trainer.states import TrainerFn

from callbacks.loggers.terminal import say
from callbacks.rows.protocols import evaluated_model, evaluation_data
from callbacks.run.run_facts import is_trial, run_folder
from datamodules.rows.training_record import FILE, USUAL, TrainingRecord, load_record, record_rows


class TrainingMemory(Callback):
    """Writes `training_rows.npz` when a fit begins: hashes of all training rows of the run and of the base before it.

    With them, which tokens stand side by side in their prompts, so that `predict` can say which question is unlike these. A
    resumed run adds to its record. So a row that was once trained on stays known as such, whatever the flags are later.
    """

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Write the record before the first step, and tell if validation rows were trained on before."""
        if not trainer.is_global_zero or is_trial(trainer):
            return
        data, path = evaluation_data(trainer), run_folder(trainer) / FILE
        before, of_base = load_record(path), find_record(None, pl_module)
        for other in (of_base, self._of_checkpoint(trainer, pl_module)):
            before = other if before is None else before.join(other)
        record = record_rows(data.iterate_texts("train"))
        record.token_pairs = data.find_token_pairs("train")
        record = record.join(before)
        assert record.token_pairs is not None
        counts = data.count_new_pairs("val", record.token_pairs)
        record.usual = int(np.ceil(np.quantile(counts, USUAL))) if len(counts) else 0
        record.save(path)
        if before is None:
            return
        known = [(int(before.knows(one.identities).sum()), len(one.inputs)) for one in data.side_texts("val")]
        trained, rows = (sum(column) for column in zip(*known, strict=True))
        if trained:
            text = (
                f"Warning: {trained:,} of {rows:,} validation rows were trained on earlier, by this run or its base, so "
                "validation says too much. Resume with the flags of the data as they were."
            )
            say(text, style="yellow")

    @staticmethod
    def _of_checkpoint(trainer: Trainer, pl_module: LightningModule) -> TrainingRecord | None:
        """Return the record of the run that goes on under another name."""
        return find_record(Path(trainer.ckpt_path), pl_module) if trainer.ckpt_path else None


def find_record(ckpt_path: Path | None, pl_module: LightningModule) -> TrainingRecord | None:
    """Return what a model was trained on: by the folder of its checkpoint's run, else by that of its base.

    Args:
        ckpt_path: The checkpoint (`<run>/checkpoints/x.ckpt`); None if the weights are the base's.
        pl_module: The model.

    Returns:
        None if neither remembers it, as bases of others and older runs.
    """
    if ckpt_path is not None:
        return load_record(ckpt_path.resolve().parent.parent / FILE)
    base = evaluated_model(pl_module).base_facts
    if not base.path or not base.is_local:
        return None
    folder = Path(base.path)
    found = load_record(folder / FILE)
    # A run's export does not hold the record: whoever publishes it would give away which rows it was trained on.
    return load_record(folder.parent / FILE) if found is None and folder.name == "hf" else found


def evaluated_record(trainer: Trainer, pl_module: LightningModule) -> TrainingRecord | None:
    """Return what the evaluated model was trained on; None during `fit`, whose data module tells it.

    A record is of no use, and None, where the task's notations are not those of training: they decide what an identity is.
    """
    if trainer.state.fn == TrainerFn.FITTING:
        return None
    record = find_record(Path(trainer.ckpt_path) if trainer.ckpt_path else None, pl_module)
    return record if record is not None and record.covers(evaluation_data(trainer).tasks) else None
