"""The name of a run, which names its folder, and whether that can be written."""

from __future__ import annotations

import os
import re
from pathlib import Path

from callbacks.loggers.secrets import hide_secrets
from cli.checks.checkpoint_path import KEYWORDS, find_run
from configs.lookup import load_yaml
from datamodules.storage.writable import find_obstacle


def check_name(name: str) -> None:
    """Raise ValueError if a name cannot be a folder's, or holds a secret."""
    if not re.fullmatch(r"[\w.+-]+", name) or name in (".", ".."):
        raise ValueError(
            f"Expected --name to be letters, digits and . _ + - (it names a folder), but got {name!r}."
        )
    if hide_secrets(name) != name:
        raise ValueError(
            "Expected --name to hold no secret, since it names a folder, but it looks like a key or a password."
        )


def check_writable(runs: Path) -> None:
    """Raise ValueError if the folder of all runs cannot be made or written to."""
    if runs.exists() and not runs.is_dir():
        raise ValueError(
            f"Expected {runs} to be the folder of all runs, but it is a file: rename it, or `cd` to another folder."
        )
    if obstacle := find_obstacle(runs):
        raise ValueError(
            f"Expected to write the run to {runs.absolute()}, but {obstacle}: `cd` to a folder of your own."
        )


def check_folder(command: str, ckpt_path: str | None, name: str | None, runs: Path) -> None:
    """Raise ValueError if a subcommand cannot write where it would: to its checkpoint's run, or to that of its name.

    Args:
        command: The subcommand.
        ckpt_path: The checkpoint's file; a keyword is judged once it means a file.
        name: The run's name, given or configured.
        runs: The folder of all runs.
    """
    if ckpt_path in KEYWORDS:
        return
    run = find_run(ckpt_path and os.path.expanduser(ckpt_path))
    if run is None or (name not in (None, run.name) and name != load_yaml(run / "config.yaml").get("name")):
        check_writable(runs)
        run, advice = (None if name is None else runs / name), "choose another --name"
    else:
        advice = "give --name NAME, to write to a run of your own"
        advice += ", or --output FILE" if command == "predict" else ""
    if run is None:
        return
    below = [run / part for part in ("checkpoints", "predictions")]
    if command != "fit":
        below = [run / command, run / command / "predictions"]
    for folder in below if command == "predict" else [run, *below]:
        if obstacle := find_obstacle(folder):
            raise ValueError(f"Expected to write to {folder}, but {obstacle}: {advice}.")
