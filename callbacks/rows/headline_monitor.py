"""Let callbacks monitor the headline of a run's tasks."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import torch
from lightning.pytorch import Callback
from lightning.pytorch.callbacks import EarlyStopping, ModelCheckpoint

from callbacks.rows.headlines import MONITOR, headline_of_run
from datamodules.tasks import Task


def monitor_headline(callbacks: Iterable[Callback], tasks: Iterable[Task]) -> None:
    """Set monitor and mode of the checkpoint and early-stopping callbacks whose monitor is `headline`.

    Nothing has been compared yet, so the worst value by the new mode is the best so far.
    """
    headline = headline_of_run(tasks)
    worst = torch.tensor(torch.inf if headline.mode == "min" else -torch.inf)
    for callback in callbacks:
        watched: Any = callback
        if not isinstance(callback, (ModelCheckpoint, EarlyStopping)) or watched.monitor != MONITOR:
            continue
        watched.monitor, watched.mode = f"val/{headline.metric}", headline.mode
        if isinstance(callback, EarlyStopping):
            callback.best_score = worst
            callback.min_delta = abs(callback.min_delta) * (1 if headline.mode == "max" else -1)
        else:
            watched.kth_value = worst
