"""Refuse a fit whose epochs do not fit its checkpoint or its flags, before a batch is read."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from datamodules.texts.contents import Contents, find_changed


def check_position(
    saved: Mapping[str, int],
    now: Mapping[str, int],
    saved_contents: Contents,
    contents: Contents,
    overfits: bool,
) -> None:
    """Refuse to go on within an epoch whose batches would be others.

    Args:
        saved: A checkpoint's `epoch` and `batches` (done within it by a rank), and what its batches depend on.
        now: The same of this run.
        saved_contents: The content that the checkpoint was trained on.
        contents: The content of this run.
        overfits: Whether `--trainer.overfit_batches` is set.

    Raises:
        ValueError: If the checkpoint was saved within an epoch and something differs.
    """
    if not saved["batches"]:
        return
    place = f"The checkpoint was saved in the middle of epoch {saved['epoch']}"
    if changed := [name for name in saved if saved[name] != now[name]]:
        raise ValueError(
            f"{place}, after {saved['batches']} batches of a rank, "
            f"with {', '.join(f'{name} {saved[name]}' for name in changed)}, but this run has "
            f"{', '.join(f'{name} {now[name]}' for name in changed)}. Resume with the same values, or from a checkpoint "
            "between two epochs, such as best.ckpt."
        )
    if others := find_changed(saved_contents, contents):
        raise ValueError(
            f"{place}, but this run has other content: {', '.join(others)}. Resume with the same data, or from a "
            "checkpoint between two epochs."
        )
    if overfits:
        raise ValueError(
            f"{place}, where a run with --trainer.overfit_batches cannot go on: Lightning begins its epochs at the first "
            "batch. Resume without that flag, or start a new run."
        )


def limit_batches(trainer: Any, count: int) -> int:
    """Return how many of a rank's `count` batches of an epoch Lightning trains on; all without a trainer."""
    limit = trainer.limit_train_batches if trainer is not None else 1.0
    return min(limit, count) if isinstance(limit, int) else int(limit * count)


def check_batches_left(saved: Mapping[str, int], most: int) -> None:
    """Raise ValueError if a checkpoint's epoch has more batches behind it than `most`, the batches of an epoch now."""
    if saved["batches"] > most:
        raise ValueError(
            f"The checkpoint was saved after {saved['batches']} batches of epoch {saved['epoch']}, but "
            f"--trainer.limit_train_batches leaves {most} per epoch. Raise it to at least {saved['batches']}."
        )


def counts_batches(trainer: Any) -> bool:
    """Return whether `--trainer.val_check_interval` is a number of an epoch's batches."""
    interval = getattr(trainer, "val_check_interval", None)
    return (
        isinstance(interval, int)
        and not isinstance(interval, bool)
        and trainer.check_val_every_n_epoch is not None
    )


def check_interval(interval: int, batches: int) -> None:
    """Raise ValueError if `--trainer.val_check_interval` is longer than an epoch's `batches` of a rank."""
    if interval > batches > 0:
        raise ValueError(
            f"Expected --trainer.val_check_interval to be at most the {batches} training batches of an epoch, but got "
            f"{interval}. Lower it, or set --trainer.check_val_every_n_epoch null to count over epochs."
        )
