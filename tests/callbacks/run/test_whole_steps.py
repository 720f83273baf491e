"""A run ends where a step ends, whatever asks for its end."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from lightning.pytorch import Callback

from callbacks.run.whole_steps import WholeSteps
from tests.helpers.callback_stubs import Pair, ScriptedModel, StubData, make_trainer

PAIRS = [Pair("a", "b", "b", "t", "text")] * 28
"""Seven batches of four."""


class Asks(Callback):
    """Asks for the end after some batch or after a validation."""

    def __init__(self, hook: str, batch: int) -> None:
        self.hook, self.batch = hook, batch

    def ask(self, hook: str, trainer: Any) -> None:
        if hook == self.hook and trainer.fit_loop.batch_idx == self.batch:
            trainer.should_stop = True

    def on_train_batch_end(self, trainer: Any, *_: Any) -> None:
        self.ask("batch", trainer)

    def on_validation_end(self, trainer: Any, *_: Any) -> None:
        self.ask("validation", trainer)


@pytest.mark.parametrize(
    ("hook", "asked_at", "ended_at"),
    [
        ("batch", 0, 3),
        ("batch", 1, 3),
        ("batch", 2, 3),
        ("batch", 3, 6),
        ("batch", 6, 7),
        ("validation", 1, 3),
    ],
)
def test_the_end_is_put_off_to_the_end_of_the_step(
    tmp_path: Path, hook: str, asked_at: int, ended_at: int
) -> None:
    asks = Asks(hook, asked_at)
    trainer = make_trainer(
        tmp_path, [asks, WholeSteps()], accumulate_grad_batches=3, max_epochs=2, val_check_interval=2
    )
    trainer.fit(ScriptedModel(PAIRS), datamodule=StubData(PAIRS))
    assert trainer.fit_loop.epoch_loop.batch_progress.total.completed == ended_at
