"""A tiny model that answers one of two words, so that some of its sampled answers are right; and its tables."""

from __future__ import annotations

import csv
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from cli.argv import flag_value
from cli.commands import improve
from cli.improving.fitting import Fit
from cli.improving.job import Job
from cli.improving.origin import read_origin
from configs.yaml_text import write_yaml
from datamodules.flag_tasks import task_from_columns
from datamodules.formats import load_format
from datamodules.texts.asking import Asking
from tests.helpers.runs import command_here, write_tiny_base
from tests.helpers.tiny import save_tiny

WORDS = ("red", "blue")


def write_table(path: Path, names: Sequence[str], with_answers: bool = True) -> Path:
    """Write questions, and their answers, which no question tells."""
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(["question", "answer"][: 1 + with_answers])
        for number, name in enumerate(names):
            writer.writerow([name, WORDS[number % 3 == 0]][: 1 + with_answers])
    return path


def fit_tiny(folder: Path, *flags: str) -> Path:
    """Fit a tiny model on 60 rows; return its run."""
    table = write_table(folder / "real.csv", [f"ball {number}" for number in range(60)])
    words = [
        "fit", "--name", "x", "--model.base", write_tiny_base(folder), "--model.generation.max_new_tokens", "8",
        "--data.source", str(table), "--data.input_column", "question", "--data.output_column", "answer",
        "--data.choices", "none", "--data.val_fraction", "0.2", "--data.test_fraction", "0.2", "--data.batch_size", "8",
        "--trainer.max_epochs", "12", "--trainer.check_val_every_n_epoch", "12", "--model.optimizer.lr", "0.01",
        "--trainer.precision", "32-true", "--trainer.enable_progress_bar", "false", *flags,
    ]  # fmt: skip
    done = command_here(words, folder)
    assert done.returncode == 0, done.stderr
    return folder / "runs" / "x"


def fit_here(words: Sequence[str]) -> int:
    """Run a fit in this process and the working folder."""
    done = command_here(words, Path.cwd())
    assert done.returncode == 0, done.stderr
    return done.returncode


def fit_nothing(words: Sequence[str]) -> int:
    """Write what a fit leaves, with the weights of `fit_tiny`, at no cost."""
    run = Path("runs") / str(flag_value(words, "--name"))
    shutil.copytree("runs/x/hf", run / "hf", dirs_exist_ok=True)
    (run / "config.yaml").write_text(f"name: {run.name}\n")
    return 0


def run_improve(*words: str, fit: Fit = fit_nothing) -> None:
    """Run the command in this process and the working folder."""
    improve.main(["--model", "runs/x", *words], fit)


def write_run(folder: Path, **data: object) -> Path:
    """Write the folder of a run of 60 rows, as far as it is read, with weights that were not trained; return it.

    Args:
        folder: The working folder.
        data: Further settings of its data.
    """
    table = write_table(folder / "real.csv", [f"ball {number}" for number in range(60)])
    run = folder / "runs" / "x"
    (run / "hf").mkdir(parents=True)
    save_tiny(run / "hf")
    task = task_from_columns("question", "answer")
    Asking((task,), load_format("arrow")).save(run / "hf")
    settings = {
        "trainer": {"max_epochs": 3, "precision": "32-true"},
        "model": {"base": "tiny.yaml", "optimizer": {"class_path": "torch.optim.AdamW", "init_args": {"lr": 0.01}}},
        "data": {"source": str(table), "format": "arrow", "batch_size": 8, "val_fraction": 0.2, "test_fraction": 0.2, **data},
    }  # fmt: skip
    (run / "config.yaml").write_text(write_yaml(settings))
    return run


def make_job(folder: Path, **changes: Any) -> Job:
    """Return a job on the run of `write_run` in a working folder."""
    origin = read_origin(folder / "runs" / "x")
    settings: dict[str, Any] = {
        "source": None, "rounds": 2, "inputs": 10, "candidates": 3, "temperature": 1.0, "top_p": 1.0, "reward": "right",
        "least": 1.0, "real": 0.5, "steps": 4, "seed": 0,
    }  # fmt: skip
    return Job(origin, origin.tasks[0], folder / "runs", "better", **{**settings, **changes})
