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
"""Where a checkpoint keeps the metrics that were measured with its weights."""


def run_folder(trainer: Trainer) -> Path:
    """Return the folder that the run writes to, `runs/<name>`."""
    return Path(trainer.default_root_dir)


def last_checkpoint_file(trainer: Trainer) -> Path:
    """Return the file that a fit is gone on with from."""
    return run_folder(trainer) / "checkpoints" / "last.ckpt"


def from_here(path: Path) -> Path:
    """Return a path relative to the working folder if it lies there, as a person would type it."""
    return path.relative_to(Path.cwd()) if path.is_relative_to(Path.cwd()) else path


def output_folder(trainer: Trainer) -> Path:
    """Return the folder of what this subcommand writes: the run's own for `fit`, else one in it (`test/`, ...)."""
    folder, function = run_folder(trainer), trainer.state.fn
    return folder if function in (None, TrainerFn.FITTING) else folder / function.value


def is_trial(trainer: Trainer) -> bool:
    """Return whether this is a `fast_dev_run`, which must leave no files."""
    untyped: Any = trainer  # Lightning does not declare it, nor those below
    return bool(untyped.fast_dev_run)


def find_log_interval(trainer: Trainer) -> int:
    """Return after how many optimizer steps metrics are logged."""
    untyped: Any = trainer
    return int(untyped.log_every_n_steps)


def silence_sync_advice(trainer: Trainer, names: str) -> None:
    """Silence Lightning's advice to reduce metrics over ranks, for metrics that are equal on all ranks.

    Args:
        trainer: The trainer; with one rank there is no advice.
        names: Regular expression that the names of the metrics begin with.
    """
    if trainer.world_size > 1:
        warnings.filterwarnings("ignore", rf"It is recommended to use `self.log\('({names})")


def find_threshold(pl_module: LightningModule) -> float | None:
    """Return `--model.generation.abstain_below`, the least probability of an answer; None answers all."""
    return evaluated_model(pl_module).generation.abstain_below


def current_metrics(trainer: Trainer) -> dict[str, float]:
    """Return the latest logged metrics as numbers."""
    return {name: float(value) for name, value in trainer.callback_metrics.items()}


class MetricsKeeper(Callback):
    """Base of the callbacks that tell a checkpoint's metrics later: writes them into it when it is saved."""

    def on_save_checkpoint(
        self, trainer: Trainer, pl_module: LightningModule, checkpoint: dict[str, Any]
    ) -> None:
        """Keep the metrics with the weights they were measured with."""
        checkpoint[METRICS_KEY] = current_metrics(trainer)


def best_checkpoint(trainer: Trainer) -> Path | None:
    """Return the file of the best weights, or None if no checkpoint was written.

    With several `ModelCheckpoint` callbacks the first that monitors a metric counts.
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
    """Read a checkpoint to the CPU without running any code from it; weights are mapped, not copied.

    Raises:
        ValueError: If the file holds more than tensors and plain values, or is no checkpoint.
    """
    try:
        return torch.load(path, map_location="cpu", weights_only=True, mmap=True)
    except Exception as error:
        raise not_a_checkpoint(path, error) from error


def not_a_checkpoint(path: str | os.PathLike[str], error: Exception) -> ValueError:
    """Return the error for a file that could not be read as a checkpoint."""
    # The rest of torch's message is advice to allow what the file asks for, or to read it unsafely.
    first = next(iter(str(error).splitlines()), "")
    return ValueError(
        f"{path}: expected a checkpoint of tensors and plain values (nothing else is read from one, since it could run), "
        f"but {type(error).__name__}: {first}"
    )
