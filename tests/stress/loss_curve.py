"""A hundred training steps of a tiny model on one CPU thread: `python -m tests.stress.loss_curve` writes loss_curve.txt anew.

Write it anew only with a change that is meant to change training, and say so in the commit.
"""

from __future__ import annotations

import os
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import torch

import train
from tests.helpers.runs import own_table, read_csv

PATH = Path(__file__).with_name("loss_curve.txt")
STEPS = 100


@contextmanager
def one_thread_in(folder: Path) -> Iterator[None]:
    """Work in another folder, with one thread and without W&B."""
    before, threads, mode = Path.cwd(), torch.get_num_threads(), os.environ.get("WANDB_MODE")
    os.chdir(folder)
    os.environ["WANDB_MODE"] = "disabled"
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(threads)
        os.chdir(before)
        if mode is None:
            del os.environ["WANDB_MODE"]
        else:
            os.environ["WANDB_MODE"] = mode


def train_curve(folder: Path, *flags: str) -> list[float]:
    """Return the loss of each step of a run of the whole program, in nats a token.

    Clipping, accumulation, warm-up, weight decay, length buckets and drawn phrasings are on. Text columns, so that nothing
    depends on the version of RDKit.
    """
    with one_thread_in(folder):
        train.main(
            [
                "fit", "--name", "curve", *own_table(folder), "--trainer.max_epochs", "-1", "--trainer.max_steps", str(STEPS),
                "--trainer.accelerator", "cpu", "--trainer.precision", "32-true", "--trainer.limit_val_batches", "0",
                "--trainer.accumulate_grad_batches", "2", "--data.batch_size", "3", "--data.input_notation", "text",
                "--data.output_notation", "text", "--data.format", "question_answer", "--data.cache", "false", *flags,
            ]
        )  # fmt: skip
    rows = read_csv(folder / "runs" / "curve" / "metrics.csv")
    return [float(row["train/loss"]) for row in rows if row["train/loss"]]


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as folder:
        curve = train_curve(Path(folder), *sys.argv[2:])
    (Path(sys.argv[1]) if len(sys.argv) > 1 else PATH).write_text("".join(f"{loss:.7f}\n" for loss in curve))
