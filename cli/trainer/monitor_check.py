"""Check before training that each monitored metric is one that the run will log."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from lightning.pytorch import Callback, LightningModule

from callbacks.metrics.learning_rate import LearningRate
from callbacks.metrics.row_metric import DetailedMetric, RowMetric
from callbacks.metrics.task_loss import TaskLoss
from callbacks.metrics.throughput import Throughput
from callbacks.rows.headlines import MONITOR
from configs.lookup import suggest

MODEL_METRICS = ("val/loss", "train/loss")
"""What the model logs in a fit."""
SCHEDULER = "--model.scheduler"
"""What monitors a metric and is no callback: it knows no headline."""
_OURS = ("callbacks.", "lightning.", "cli.")
_SHOWN = 8


def list_metrics(callbacks: Iterable[Callback], tasks: Sequence[str]) -> list[str]:
    """Return the names of the metrics that a fit can log, those of all tasks first.

    A name may turn out not to be logged: a metric for molecules has no value where no output is one.

    Args:
        callbacks: The trainer's callbacks.
        tasks: The names of the tasks.
    """
    means, detailed, training = list(MODEL_METRICS), [], []
    for callback in callbacks:
        if isinstance(callback, RowMetric):
            if isinstance(callback, DetailedMetric) and not callback.each_epoch:
                continue
            if callback.headline is not None:
                means.append(f"val/{callback.headline}")
            columns = dict.fromkeys([*callback.higher_is_better, *callback.columns])
            detailed += [
                f"val/{task}/{column}{bound}"
                for task in tasks
                for column in columns
                for bound in ("", "_low", "_high")
            ]
        elif isinstance(callback, LearningRate):
            training.append("train/lr")
        elif isinstance(callback, TaskLoss):
            detailed += [f"val/{task}/loss" for task in tasks]
        elif isinstance(callback, Throughput):
            training += [f"train/{name}" for name in Throughput.names]
    return [*means, *detailed, *training]


def monitors_of(callbacks: Iterable[Callback]) -> dict[str, str]:
    """Return the metric that each callback monitors, by the callback's class."""
    named: dict[str, Any] = {
        type(callback).__name__: getattr(callback, "monitor", None) for callback in callbacks
    }
    return {owner: monitor for owner, monitor in named.items() if isinstance(monitor, str)}


def check_monitors(
    monitors: Mapping[str, str], callbacks: Sequence[Callback], model: LightningModule, tasks: Sequence[str]
) -> None:
    """Raise ValueError for a monitored metric that no epoch will have.

    Classes of the user's own log what they like: with one of them, nothing is refused here, and Lightning ends the run at the
    end of the first epoch.

    Args:
        monitors: Metrics by what monitors them.
        callbacks: The trainer's callbacks.
        model: The model.
        tasks: The names of the tasks.

    Raises:
        ValueError: With the nearest name.
    """
    own = [*(type(callback).__module__ for callback in callbacks), type(model).__module__]
    if not all(module.startswith((*_OURS, "lightning_modules.")) for module in own):
        return
    known = list_metrics(callbacks, tasks)
    for owner, monitor in monitors.items():
        if monitor not in known and (monitor != MONITOR or owner == SCHEDULER):
            raise ValueError(
                f"{owner} monitors {monitor!r}, which this run does not log.{suggest(monitor, known)} "
                f"It logs {', '.join(known[:_SHOWN])} and {len(known) - _SHOWN} more, as docs/metrics.md lists them."
            )
