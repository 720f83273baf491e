"""What is improved and how, as one value, and the folder that remembers it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

from cli.checks.early_settings import gather
from cli.checks.flag_list import read_flags
from cli.checks.flag_words import split_words
from cli.improving.origin import Origin, describe_form, describe_task
from configs.yaml_text import write_yaml
from datamodules.storage.atomic_write import whole_file
from datamodules.storage.saved_plan import is_begun
from datamodules.tasks import Task

SEEDS = 1_000
"""Rounds of one seed have seeds of their own, so that each draws other real rows."""


@dataclass(frozen=True)
class Job:
    """What is improved, and how."""

    origin: Origin
    task: Task
    root: Path
    """The folder of all runs."""
    name: str
    source: str | None
    """The table of the inputs; None: the model's own training rows."""
    rounds: int
    inputs: int
    """Inputs a round."""
    candidates: int
    temperature: float
    top_p: float
    reward: str
    least: float
    """The least reward of a candidate that passes."""
    real: float
    """The share of real rows in a fit, at least; with 1 nothing is drawn."""
    steps: int
    """Steps a round."""
    seed: int
    flags: tuple[str, ...] = ()
    """Further flags of the fits."""

    @property
    def folder(self) -> Path:
        """Holds the state of all rounds."""
        return self.root / self.name

    def run(self, number: int) -> Path:
        """Return the folder of a round's run."""
        return self.root / f"{self.name}-{number}"

    def weights(self, number: int) -> Path:
        """Return the weights from which a round starts."""
        return self.origin.weights if number == 1 else self.run(number - 1) / "hf"

    def describe(self) -> dict[str, Any]:
        """Return what its rounds depend on, as JSON can hold it."""
        own = {"origin": str(self.origin.weights.resolve()), "task": self.task.name}
        left_out = ("origin", "task", "root", "name", "rounds")
        more = {item.name: getattr(self, item.name) for item in fields(self) if item.name not in left_out}
        described: dict[str, Any] = json.loads(json.dumps({**own, **more}))
        return described


def open_folder(job: Job) -> None:
    """Write down what the rounds depend on, and the files of tasks and format, or check that they are the same.

    Raises:
        ValueError: If the folder holds rounds of other flags, or something else.
    """
    path, described = job.folder / "improve.json", job.describe()
    advice = "give another --name, or the flags as they were (only --rounds may change)"
    if is_begun(path, described, "rounds of this command", advice):
        return
    job.folder.mkdir(parents=True, exist_ok=True)
    for task in job.origin.tasks:
        write_text(job.folder / "tasks" / f"{task.name}.yaml", write_yaml(describe_task(task)))
    write_text(job.folder / f"{job.origin.form.name}.yaml", write_yaml(describe_form(job.origin.form)))
    write_text(path, json.dumps(described, indent=2) + "\n")


def fit_settings(
    job: Job, number: int, weights: Mapping[str, float], epoch_rows: int, epochs: int
) -> dict[str, Any]:
    """Return the nested settings of a round's fit."""
    own: Mapping[str, Any] = job.origin.settings
    return {
        "seed_everything": SEEDS * job.seed + number,
        **own,
        "trainer": {
            **own.get("trainer", {}), "max_epochs": epochs, "max_steps": job.steps, "check_val_every_n_epoch": epochs,
        },
        "model": {**own.get("model", {}), "base": str(job.weights(number))},
        "data": {
            **own.get("data", {}), "task": dict(weights), "epoch_rows": epoch_rows,
            "format": str(job.folder / f"{job.origin.form.name}.yaml"),
        },
    }  # fmt: skip


def find_values(job: Job) -> dict[str, Any]:
    """Return the settings of the fits by flag, as far as they are known before the first round."""
    settings = fit_settings(job, 1, {}, 1, 1)
    words = split_words(["--config", write_yaml(settings), *job.flags])
    return gather("fit", words, read_flags()).values


def write_text(path: Path, text: str) -> None:
    """Write a file whole, and its folder."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with whole_file(path) as file:
        file.write(text)
