"""The runs behind the weights that ship, one JSON line each."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from bench.markdown import as_table
from bench.release.bundled import Pretraining
from bench.studies.results import read_results
from callbacks.reports.compare.flags import leaves
from callbacks.reports.end_table import format_seconds
from configs.lookup import CONFIGS, load_yaml
from datamodules.storage.atomic_write import whole_file
from lightning_modules.decoder.bases import FLAGSHIP

RECIPE = (
    "data.task",
    "data.epoch_rows",
    "data.max_length",
    "model.optimizer.lr",
    "model.warmup_fraction",
    "model.decay_fraction",
)
"""Flags that decide what a run learns, besides its base, epochs, seed and batch."""

MEASURED = {"right": "right on the own test", "right_elsewhere": "on the other source"}
"""Shares of right answers that a run's line may hold, and their columns."""


def add_to_history(
    done: Pretraining, path: Path, right: Mapping[str, float] | None = None
) -> list[dict[str, Any]]:
    """Add a run to the history of the weights, or what was measured of it if it is there; return the history, oldest first.

    Args:
        done: The run up to the exported weights.
        right: The shares of right answers of its weights, greedy: keys of `MEASURED`.
        path: A JSONL file with one line per run. A run from another base than one of the flagship's starts it anew.

    Raises:
        ValueError: If a run continued from the flagship and the file of the earlier runs is missing.
    """
    config = done.config
    run = {
        "base": config["model"]["base"], "epochs": config["trainer"]["max_epochs"], "seed": config["seed_everything"],
        "precision": str(config["trainer"]["precision"]), "steps": done.steps, "rows_a_step": config["data"]["batch_size"],
        "tokens": done.tokens, "seconds": round(done.seconds), "flags": spell_recipe(config),
    }  # fmt: skip
    if run["base"] != FLAGSHIP.name and not Path(run["base"]).resolve().is_relative_to(FLAGSHIP):
        path.unlink(missing_ok=True)
    elif not path.is_file():
        raise ValueError(
            f"{path}: expected the runs behind the weights that this one started from, but the file is missing."
        )
    runs = read_results(path, parts={})
    if not runs or {name: runs[-1].get(name) for name in run} != run:
        runs.append({})
    runs[-1] = {**run, **(right or {})}
    path.parent.mkdir(parents=True, exist_ok=True)
    with whole_file(path) as file:
        file.writelines(json.dumps(one) + "\n" for one in runs)
    return runs


def spell_recipe(config: Mapping[str, Any]) -> str:
    """Return the flags by which a run differed from configs/flagship.yaml, as far as they decide what it learned."""
    recipe, given = (dict(leaves(dict(one))) for one in (load_yaml(CONFIGS / "flagship.yaml"), config))
    return " ".join(f"--{flag} {given.get(flag)}" for flag in RECIPE if given.get(flag) != recipe.get(flag))


def tabulate(runs: Sequence[Mapping[str, Any]]) -> str:
    """Return the runs as a table."""
    return as_table(
        ("run", "steps", "tokens", "precision", "time", *MEASURED.values()),
        [
            (
                " ".join(
                    f"`python train.py fit --config configs/flagship.yaml --model.base {run['base']} "
                    f"--trainer.max_epochs {run['epochs']} --seed_everything {run['seed']} {run.get('flags', '')}".split()
                )
                + "`",
                f"{run['steps']:,} of {run['rows_a_step']} rows", f"{run['tokens']:,}", run["precision"],
                format_seconds(run["seconds"]),
                *(f"{100 * run[name]:.1f} %" if name in run else "-" for name in MEASURED),
            )
            for run in runs
        ],
    )  # fmt: skip
