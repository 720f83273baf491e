"""The name of a run, which names its folder."""

from __future__ import annotations

import os
import re
from pathlib import Path

from callbacks.loggers.secrets import hide_secrets


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
    place = runs if runs.is_dir() else Path()
    if not os.access(place, os.W_OK | os.X_OK):
        raise ValueError(
            f"Expected to write the run to {runs.absolute()}, but {place.absolute()} may not be written to: "
            "`cd` to a folder of your own."
        )
