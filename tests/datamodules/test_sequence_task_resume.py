from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from datamodules.sequence_task import SequenceTaskDataModule
from tests.helpers.small_tables import attach_trainer, make_module


def in_epoch(
    module: SequenceTaskDataModule, started: int, processed: int, completed: int, epochs: int | None = None
) -> None:
    """Let the data module's trainer stand after some batches of an epoch; `epochs`: completed ones, if not all processed."""
    module.trainer.num_training_batches = 40  # type: ignore[union-attr, misc]
    module.trainer.fit_loop = SimpleNamespace(  # type: ignore[union-attr]
        epoch_progress=SimpleNamespace(
            current=SimpleNamespace(
                started=started, processed=processed, completed=processed if epochs is None else epochs
            )
        ),
        epoch_loop=SimpleNamespace(
            batch_progress=SimpleNamespace(
                current=SimpleNamespace(ready=completed, processed=completed), is_last_batch=False
            )
        ),
    )


@pytest.mark.pitfall(19)
@pytest.mark.parametrize(("world_size", "rank"), [(1, 0), (2, 1)])
def test_a_run_goes_on_with_the_batches_that_the_epoch_has_left(
    tokenizer: Any, words: str, tmp_path: Path, world_size: int, rank: int
) -> None:
    def rows(module: SequenceTaskDataModule, epoch: int) -> list[list[int]]:
        loader = module.train_dataloader()
        loader.sampler.set_epoch(epoch)  # type: ignore[attr-defined]
        return [batch["row_index"].tolist() for batch in loader]

    module = make_module(tokenizer, words)
    attach_trainer(module, tmp_path, world_size, rank)
    module.setup("fit")
    third = rows(module, 2)
    in_epoch(module, started=3, processed=2, completed=5)
    again = make_module(tokenizer, words, num_workers=1)
    attach_trainer(again, tmp_path, world_size, rank)
    again.setup("fit")
    again.load_state_dict(module.state_dict())
    assert rows(again, 2) == third[5:]
    assert len(again.train_dataloader()) == len(third)


def test_a_state_between_two_epochs_leaves_no_batch_out(tokenizer: Any, words: str, tmp_path: Path) -> None:
    module = make_module(tokenizer, words)
    attach_trainer(module, tmp_path)
    module.setup("fit")
    in_epoch(module, started=3, processed=3, completed=40)
    state = module.state_dict()
    assert set(state.pop("contents")) >= {"training rows", "format", "tasks"}
    assert state == {
        "epoch": 3,
        "batches": 0,
        "rows": len(module.data.sides["train"].places),
        "batch_size": 8,
        "ranks": 1,
        "seed": module.data.seed,
        "packing": 0,
        "epoch_rows": 0,
    }


@pytest.mark.parametrize(("batches", "position"), [(5, (2, 5)), (40, (3, 0))])
def test_an_epoch_that_a_run_ended_within_has_batches_left(
    tokenizer: Any, words: str, tmp_path: Path, batches: int, position: tuple[int, int]
) -> None:
    module = make_module(tokenizer, words)
    attach_trainer(module, tmp_path)
    module.setup("fit")
    in_epoch(module, started=3, processed=3, completed=batches, epochs=2)  # as Lightning counts it
    state = module.state_dict()
    assert (state["epoch"], state["batches"]) == position


@pytest.mark.parametrize(
    "changes",
    [
        {"batch_size": 4},
        {"train_rows": 100},
        {"ranks": 2},
        {"seed": 9},
        {"packing": True},
        {"epoch_rows": 90},
    ],
)
def test_batches_of_another_shape_are_refused_within_an_epoch_only(
    tokenizer: Any, words: str, tmp_path: Path, changes: dict[str, int]
) -> None:
    module = make_module(tokenizer, words)
    attach_trainer(module, tmp_path)
    module.setup("fit")
    in_epoch(module, started=1, processed=0, completed=5)
    ranks = changes.pop("ranks", 1)
    other = make_module(tokenizer, words, **changes)
    attach_trainer(other, tmp_path, ranks)
    other.setup("fit")
    other.load_state_dict(module.state_dict())
    with pytest.raises(ValueError, match=r"in the middle of epoch 0, after 5 batches .* best\.ckpt"):
        other.train_dataloader()
    other.load_state_dict({**module.state_dict(), "batches": 0})
    other.train_dataloader()
