from __future__ import annotations

import torch
from lightning.pytorch.callbacks import EarlyStopping, ModelCheckpoint

from callbacks.rows.headline_monitor import monitor_headline
from callbacks.run.best_checkpoint import BestCheckpoint
from datamodules.tasks import Side, Task

NUMBER = Task("n", Side("a"), Side("b", "number"))
TEXT = Task("t", Side("a"), Side("b"))


def test_callbacks_of_the_headline_take_its_name_and_direction() -> None:
    best, stop = BestCheckpoint(), EarlyStopping("headline", mode="max", min_delta=0.1)
    other = ModelCheckpoint(monitor="val/loss")
    monitor_headline([best, stop, other], [NUMBER])
    assert (best.monitor, best.mode) == (stop.monitor, stop.mode) == ("val/mae_all", "min")
    assert best.kth_value == stop.best_score == torch.tensor(torch.inf)
    assert stop.monitor_op(torch.tensor(1.0), torch.tensor(2.0))
    assert stop.min_delta == -0.1
    assert (other.monitor, other.mode) == ("val/loss", "min")


def test_text_goes_by_exact_match_as_ever() -> None:
    best, stop = BestCheckpoint(), EarlyStopping("headline", mode="min", min_delta=0.1)
    monitor_headline([best, stop], [TEXT])
    assert best.state_key == BestCheckpoint("val/exact_match").state_key
    assert stop.state_key == EarlyStopping("val/exact_match", mode="max").state_key
    assert stop.best_score == torch.tensor(-torch.inf)
    assert stop.min_delta == 0.1
