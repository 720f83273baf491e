"""The flags whose values are paths: `~` is a home folder in all of them, and a run finds them from any folder."""

from __future__ import annotations

import glob
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from configs.lookup import SUFFIXES, list_configs
from datamodules.sources.lookup import BUILT_IN
from datamodules.task_weights import parse_weights

_NAMES = {"data.format": "formats", "data.task": "tasks", "model.base": "bases", "model.add_tokens": "tokens"}


def is_name(flag: str, value: str) -> bool:
    """Return whether a flag's value is the name of something that ships, not a path.

    Examples:
        >>> is_name("model.base", "gpt2"), is_name("model.base", "mine/gpt2"), is_name("data.source", "pubchem")
        (True, False, True)
    """
    if flag in _NAMES:
        return value in list_configs(_NAMES[flag]) and not value.endswith(SUFFIXES)
    return flag.endswith("source") and value in BUILT_IN


def move_path(flag: str, value: Any, origin: Path) -> Any:
    """Return a flag's value so that it holds from any folder.

    Args:
        flag: One of `PATH_FLAGS`, or `data.task`.
        value: Its value; what is no relative path, or lies nowhere below `origin`, is returned as it is.
        origin: The folder that a relative path was meant from.
    """
    if not isinstance(value, str) or not value or "://" in value or value.startswith("~"):
        return value
    path = Path(os.path.normpath(origin / value))
    exists = os.path.exists(path) or (glob.has_magic(value) and any(glob.iglob(str(path), recursive=True)))
    known = os.path.isabs(value) or is_name(flag, value) or not exists
    return value if known else str(path)


def move_tasks(value: Any, origin: Path) -> Any:
    """Return `data.task`, which may hold several paths and weights, so that it holds from any folder."""
    if not value:
        return value
    with_weights = parse_weights(value, origin)
    moved = {str(move_path("data.task", name, origin)): weight for name, weight in with_weights.items()}
    if list(moved) == list(with_weights):
        return value
    if isinstance(value, Mapping) or any(weight is not None for weight in moved.values()):
        return {name: 1.0 if weight is None else weight for name, weight in moved.items()}
    return list(moved)
