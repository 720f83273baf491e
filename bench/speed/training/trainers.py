"""Run one trainer on one workload in this process: `python -m bench.speed.training.trainers NAME ...` prints one JSON line.

Every trainer starts from the same weights, sees the same rows in each epoch, and updates with AdamW at the same constant
learning rate after clipping the gradient's norm to 1. The first epoch is a warm-up; each of the others is timed from the
fetch of its first batch to its last step. All steps have the same number of rows, except TRL's packing, whose steps have that
number of packs.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import lightning.pytorch as pl
import torch

from bench.speed.stopwatch import EPOCHS, Stopwatch, check_rows
from bench.speed.training.hf_trainers import HF_TRAINERS
from bench.speed.training.plain_loop import lay_batches, load, loss_of, move
from bench.speed.training.workload import (
    CLIP,
    LEARNING_RATE,
    MAX_LENGTH,
    Work,
    add_flags,
    held_out_loss,
    make_workload,
)


class StepTimer(pl.Callback):
    """Reports Lightning's epochs and optimizer steps to a stopwatch."""

    def __init__(self, stopwatch: Stopwatch) -> None:
        self.stopwatch = stopwatch

    def on_train_epoch_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Start before the first batch is fetched."""
        self.stopwatch.begin_epoch()

    def on_train_batch_end(
        self, trainer: pl.Trainer, pl_module: pl.LightningModule, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        """Note the step's rows, including the other ranks'."""
        self.stopwatch.step(len(batch["row_index"]) * trainer.world_size)


def run_patois(work: Work, *flags: str) -> dict[str, Any]:
    """Run `python train.py fit` as it is, with all its callbacks but without validation.

    On a CPU it writes a checkpoint after each epoch, which the other trainers do not; this is not timed. The checkpoint every
    five minutes is disabled: it follows the wall clock, which also runs while the process waits for a turn.
    """
    from callbacks.loggers.wandb_logger import DashboardLogger
    from cli.patois_cli import PatoisCLI
    from cli.screen.quiet_libraries import silence_libraries
    from datamodules.sequence_task import SequenceTaskDataModule
    from lightning_modules.causal_lm import CausalLM

    silence_libraries()
    workload = work.workload
    timer = StepTimer(work.stopwatch())
    device = ["cpu"]
    if work.device == "cuda":  # a checkpoint of 1.3 billion parameters and their moments takes 16 GB
        device = ["gpu", "--trainer.devices", "1", "--trainer.enable_checkpointing", "false"]
    with tempfile.TemporaryDirectory() as runs:
        cli = PatoisCLI(
            CausalLM, SequenceTaskDataModule, logger_class=DashboardLogger, runs=Path(runs),
            trainer_defaults={"callbacks": timer},
            args=[
                "fit", "--wandb.offline", "true", "--model.base", workload.model, "--data.task", "smiles_to_iupac",
                "--data.source", str(workload.folder / "rows.csv"), "--data.split_column", "split",
                "--data.format", workload.format, "--data.phrasings", "first", "--data.max_length", str(MAX_LENGTH),
                "--data.batch_size", str(work.batch_size), "--seed_everything", str(work.seed),
                "--trainer.max_epochs", str(EPOCHS), "--trainer.limit_val_batches", "0", "--checkpoint.minutes", "1000",
                "--trainer.precision", "bf16-mixed" if work.precision == "bf16" else "32-true",
                "--trainer.enable_progress_bar", "false", "--model.optimizer.init_args.lr", str(LEARNING_RATE),
                "--model.warmup_fraction", "0", "--model.min_lr_fraction", "1", "--trainer.accelerator", *device, *flags,
            ],
        )  # fmt: skip
    return timer.stopwatch.result(held_out_loss(cli.model.decoder, workload, work.device))


def run_bare(work: Work) -> dict[str, Any]:
    """Run a bare PyTorch loop over tensors padded before the clock starts; the difference is the cost of a framework.

    It computes the loss as Patois does, with shared prefixes and the same attention, so that only the framework differs.
    """
    decoder, optimizer = load(work.workload, work.device)
    epochs = [lay_batches(work.workload, work.batch_size, work.seed, epoch) for epoch in range(EPOCHS)]
    stopwatch = work.stopwatch()
    for ready in epochs:
        stopwatch.begin_epoch()
        for batch in ready:
            loss_of(decoder, move(batch, work.device), work.precision).backward()
            torch.nn.utils.clip_grad_norm_(decoder.parameters(), CLIP)
            optimizer.step()
            optimizer.zero_grad()
            stopwatch.step(len(batch["row_index"]))
    return stopwatch.result(held_out_loss(decoder, work.workload, work.device))


def run_litgpt(work: Work) -> dict[str, Any]:
    """Run litgpt's full fine-tuning in the environment that `LITGPT_PYTHON` names, since it pins other versions of packages."""
    python = os.environ.get("LITGPT_PYTHON")
    if not python:
        raise ValueError(
            "Expected LITGPT_PYTHON to be the Python of an environment with litgpt; `make bench` makes one."
        )
    script = Path(__file__).with_name("litgpt_run.py")
    words = [str(work.workload.folder), str(work.batch_size), work.precision, str(work.seed)]
    done = subprocess.run([python, str(script), *words], stdout=subprocess.PIPE, check=True, text=True)
    result: dict[str, Any] = json.loads(done.stdout.strip().splitlines()[-1])
    return result


TRAINERS: dict[str, Callable[[Work], dict[str, Any]]] = {
    "patois": run_patois,
    "patois-fast": lambda work: run_patois(work, "--model.compile", "true"),
    "patois-packed": lambda work: run_patois(work, "--data.packing", "true"),
    "bare": run_bare,
    "litgpt": run_litgpt,
    **HF_TRAINERS,
}


def main(words: list[str] | None = None) -> None:
    """Run as the command line says and print one JSON line; further flags go to `python train.py fit`."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("trainer", choices=TRAINERS)
    add_flags(parser)
    parser.add_argument("--batch-size", type=int, default=16)
    parser.add_argument("--precision", default="fp32", choices=("fp32", "bf16"))
    args, flags = parser.parse_known_args(words)
    if flags and args.trainer != "patois":
        parser.error(f"only patois takes further flags, but {args.trainer} got {flags}")
    try:
        check_rows(args.rows, args.batch_size)
    except ValueError as error:
        parser.error(str(error))
    workload = make_workload(args.folder, args.shape, args.format, args.rows, args.seed)
    shown = os.dup(1)
    os.dup2(2, 1)  # what the trainers print is not a result
    work = Work(workload, args.batch_size, args.precision, args.seed)
    result = run_patois(work, *flags) if flags else TRAINERS[args.trainer](work)
    if os.environ.get("LOCAL_RANK", "0") == "0":  # further ranks run this same command
        os.write(shown, (json.dumps({"trainer": args.trainer, **result}) + "\n").encode())
    sys.stdout.flush()


if __name__ == "__main__":
    main()
