"""Facts about a run that several callbacks need: its folder, its metrics, its best checkpoint."""

from __future__ import annotations

import os
import warnings
from pathlib import Path
from typing import Any

import torch
from lightning.pytorch import Callback, LightningModule, Trainer
from lightning.pytorch.callbacks import ModelCheckpoint
from lightning.pytorch.trainer.states import TrainerFn

from callbacks.rows.protocols import evaluated_model

METRICS_KEY = "metrics"
"""Checkpoint key of the metrics that were measured with its weights."""


def run_folder(trainer: Trainer) -> Path:
    """Return the folder that the run writes to, `runs/<name>`."""
    return Path(trainer.default_root_dir)


def last_checkpoint_file(trainer: Trainer) -> Path:
    """Return the checkpoint file from which a fit resumes."""
    return run_folder(trainer) / "checkpoints" / "last.ckpt"


def from_here(path: Path) -> Path:
    """Return a path as a user would type it: relative if it is inside the working folder."""
    return path.relative_to(Path.cwd()) if path.is_relative_to(Path.cwd()) else path


def output_folder(trainer: Trainer) -> Path:
    """Return the folder that this subcommand writes to: the run's folder for `fit`, else a subfolder (`test/`, ...)."""
    folder, function = run_folder(trainer), trainer.state.fn
    return folder if function in (None, TrainerFn.FITTING) else folder / function.value


def is_trial(trainer: Trainer) -> bool:
    """Return whether this is a `fast_dev_run`, which must not leave files."""
    untyped: Any = trainer  # Lightning does not declare this attribute
    return bool(untyped.fast_dev_run)


def find_log_interval(trainer: Trainer) -> int:
    """Return the number of optimizer steps between logged metrics; 0 logs none within an epoch."""
    untyped: Any = trainer
    return int(untyped.log_every_n_steps)


def silence_sync_advice(trainer: Trainer, names: str) -> None:
    """Silence Lightning's advice to reduce metrics over ranks, for metrics that are equal on all ranks.

    Args:
        trainer: The trainer; with one rank, Lightning gives no advice.
        names: Regular expression for the beginning of the metrics' names.
    """
    if trainer.world_size > 1:
        warnings.filterwarnings("ignore", rf"It is recommended to use `self.log\('({names})")


def find_threshold(pl_module: LightningModule) -> float | None:
    """Return `--model.generation.abstain_below`, the minimum probability of an answer; None never abstains."""
    return evaluated_model(pl_module).generation.abstain_below


def current_metrics(trainer: Trainer) -> dict[str, float]:
    """Return the latest logged metrics as numbers."""
    return {name: float(value) for name, value in trainer.callback_metrics.items()}


class MetricsKeeper(Callback):
    """Base of callbacks that report a checkpoint's metrics later: saves the metrics in each checkpoint."""

    def on_save_checkpoint(
        self, trainer: Trainer, pl_module: LightningModule, checkpoint: dict[str, Any]
    ) -> None:
        """Save the metrics together with the weights they were measured with."""
        checkpoint[METRICS_KEY] = current_metrics(trainer)


def best_checkpoint(trainer: Trainer) -> Path | None:
    """Return the file of the best weights, or None if none was chosen (there may be a last.ckpt).

    With several `ModelCheckpoint` callbacks, the first one that monitors a metric is used.
    """
    callbacks = [
        callback for callback in trainer.checkpoint_callbacks if isinstance(callback, ModelCheckpoint)
    ]
    monitored = [callback for callback in callbacks if callback.monitor is not None]
    for callback in monitored or callbacks:
        if callback.best_model_path and Path(callback.best_model_path).is_file():
            return Path(callback.best_model_path)
    return None


def load_checkpoint(path: Path) -> dict[str, Any]:
    """Read a checkpoint to the CPU without running any code from it; weights are memory-mapped, not copied.

    Raises:
        ValueError: If the file holds more than tensors and plain values, or is not a checkpoint.
    """
    try:
        return torch.load(path, map_location="cpu", weights_only=True, mmap=True)
    except Exception as error:
        raise not_a_checkpoint(path, error) from error


def not_a_checkpoint(path: str | os.PathLike[str], error: Exception) -> ValueError:
    """Return the error for a file that could not be read as a checkpoint."""
    # The rest of PyTorch's message advises to allow the file's classes or to load it unsafely.
    first = next(iter(str(error).splitlines()), "")
    return ValueError(
        f"{path}: expected a checkpoint of tensors and plain values (nothing else is read, since it could run code), "
        f"but reading it failed with {type(error).__name__}: {first}"
    )
