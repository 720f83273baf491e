from __future__ import annotations

import pytest

from cli.resume_diff import differences, say

RUN = {
    "seed_everything": 0,
    "name": "mine",
    "trainer": {
        "callbacks": [{"class_path": "a.BestCheckpoint", "init_args": {"mode": "max", "dirpath": "a"}}]
    },
    "model": {"optimizer": {"class_path": "torch.optim.AdamW", "init_args": {"lr": 0.1, "eps": 1}}, "scheduler": None},
    "wandb": {"tags": []},
}  # fmt: skip


def test_differences_are_named_by_their_flags() -> None:
    now = {
        "seed_everything": 1,
        "name": "other",
        "trainer": {
            "callbacks": [{"class_path": "a.BestCheckpoint", "init_args": {"mode": "min", "dirpath": "b"}}]
        },
        "model": {"optimizer": {"class_path": "torch.optim.AdamW", "init_args": {"lr": 0.2, "eps": 1}}, "scheduler": None},
        "wandb": {"tags": []},
    }  # fmt: skip
    changed = differences(RUN, now)
    assert changed == {
        "seed_everything": (0, 1),
        "trainer.callbacks.BestCheckpoint.mode": ("max", "min"),
        "model.optimizer.lr": (0.1, 0.2),
    }
    assert say(changed) == (
        "Resuming with changed flags: --seed_everything 1 (was 0; it sets the order of the data; dropout and "
        "sampling continue the checkpoint's random numbers), --trainer.callbacks.BestCheckpoint.mode min (was max), "
        "--model.optimizer.lr 0.2 (was 0.1)."
    )


def test_resume_without_differences_says_nothing() -> None:
    assert say(differences(RUN, {**RUN, "name": "other"})) == ""


@pytest.mark.parametrize("flag", ["model.optimizer", "model.scheduler"])
def test_resume_with_another_class_is_refused(flag: str) -> None:
    with pytest.raises(ValueError, match=rf"the state of --{flag} a\.B, which a\.C cannot resume from"):
        say({flag: ("a.B", "a.C")})
