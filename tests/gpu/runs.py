"""Whole runs on a device: kill -9, and the recipe of the model that ships."""

from __future__ import annotations

import signal
import statistics
from collections.abc import Iterator
from typing import Any

from tests.gpu.place import Place, Result, check
from tests.gpu.programs import finish, start
from tests.helpers.runs import PROJECT, read_csv
from tests.stress.resuming import differences, outcome, prepare

RESUMED = 1e-3
"""Largest relative difference of a loss after going on, on a GPU."""
KILLED_AT = 12
"""Micro-batch, of 54, in whose step the process kills itself."""


def logged_losses(run: dict[str, Any]) -> list[float]:
    """Return the losses that a run logged, of training, then of validation."""
    return [float(row[name]) for name in ("train/loss", "val/loss") for row in run["logged"] if row.get(name)]


def resume(place: Place) -> Iterator[Result]:
    """Kill a fit by SIGKILL, go on, and compare its end with that of one that nothing disturbed.

    On a CPU every bit is the same. A GPU adds up some gradients in no fixed order, so losses may differ a little there; weights
    whose gradient is nothing but rounding (the biases of keys) may differ by as much as Adam moves them, which changes no text.
    """
    flags = [*prepare(place.folder), "--trainer.accelerator", place.accelerator, "--trainer.devices", "1"]
    flags += ["--trainer.max_epochs", "2"] if place.tiny else []
    fit = [str(PROJECT / "train.py"), "fit", *flags]
    disturbed = [str(PROJECT / "tests" / "stress" / "disturbed.py"), "fit", *flags]
    whole = start([*fit, "--name", "whole"], place.folder)
    killed = start([*disturbed, "--name", "killed"], place.folder, DISTURB=f"kill 0 {KILLED_AT}")
    yield check("the killed run has another status", float(killed.wait() != -signal.SIGKILL), 0)
    finish(start([*fit, "--name", "killed", "--ckpt_path", "last"], place.folder))
    finish(whole)
    one, other = (outcome(place.folder / "runs" / name) for name in ("whole", "killed"))
    losses, expected = logged_losses(other), logged_losses(one)
    apart = max(abs(found - right) / right for found, right in zip(losses, expected, strict=True))
    different = differences(one, other)
    yield {
        **check("losses", apart, 0.0 if place.tiny else RESUMED),
        "same_bits": not different, "different": different[:3],
    }  # fmt: skip
    yield check("optimizer steps", abs(one["global_step"] - other["global_step"]), 0)


def flagship(place: Place) -> Iterator[Result]:
    """Run the recipe of the model that ships for about a minute; yield its speed after the first epoch."""
    sizes = (
        [
            "--data.train_rows",
            "64",
            "--data.epoch_rows",
            "32",
            "--trainer.max_epochs",
            "2",
            "--model.compile",
            "false",
        ]
        if place.tiny
        else ["--data.epoch_rows", "8000", "--trainer.max_epochs", "40", "--trainer.max_time", "00:00:01:10"]
    )
    finish(start([
        str(PROJECT / "train.py"), "fit", "--config", str(PROJECT / "configs" / "flagship.yaml"), "--name", "flagship",
        "--trainer.accelerator", place.accelerator, "--trainer.devices", "1", "--trainer.limit_val_batches", "0",
        "--data.test_rows", "10", "--data.val_rows", "10", *sizes,
    ], place.folder))  # fmt: skip
    rows = read_csv(place.folder / "runs" / "flagship" / "metrics.csv")
    figures = ("tokens_per_second", "supervised_tokens_per_second", "rows_per_second")
    found = {
        name: [float(row[f"train/{name}"]) for row in rows if row.get(f"train/{name}")] for name in figures
    }
    epochs = len(found["rows_per_second"])
    if epochs < 2:
        raise RuntimeError(f"Expected at least two epochs, the first of which compiles, but got {epochs}.")
    medians = {name: statistics.median(values[1:]) for name, values in found.items()}
    yield {"what": "recipe of the flagship", **medians, "epochs": epochs - 1}
