"""The commands that made a folder's files, the flags they gave that differ from defaults, and the versions: `made_by.json`."""

from __future__ import annotations

import contextlib
import json
import platform
from collections.abc import Mapping
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from datamodules.storage.atomic_write import whole_file

FILE = "made_by.json"
PACKAGES = ("patois", "torch", "lightning", "transformers", "tokenizers", "rdkit", "numpy")


def find_versions() -> dict[str, str]:
    """Return the versions of Python and of the packages that results depend on, as far as they are installed."""
    found = {"python": platform.python_version()}
    for package in PACKAGES:
        with contextlib.suppress(PackageNotFoundError):  # Patois itself, when it runs from a checkout
            found[package] = version(package)
    return found


def record_command(
    folder: Path, command: str, begun: str, changed: Mapping[str, tuple[Any, Any]], device: str, goes_on: bool
) -> None:
    """Write the record of a command to its output folder.

    Args:
        folder: The folder that the command writes to.
        command: The command line, without secrets.
        begun: When it began, as text.
        changed: The flags that differ from the defaults, each with its default and its value.
        device: What it ran on, in words.
        goes_on: Whether it goes on with what earlier commands of the record have begun.
    """
    earlier = read_record(folder).get("commands", []) if goes_on else []
    record = {
        "commands": [*earlier, {"command": command, "begun": begun}],
        "changed": [[flag, *values] for flag, values in changed.items()],
        "device": device,
        "versions": find_versions(),
    }
    folder.mkdir(parents=True, exist_ok=True)
    with whole_file(folder / FILE) as file:
        file.write(json.dumps(record, indent=2, default=str) + "\n")


def read_record(folder: Path) -> dict[str, Any]:
    """Return a folder's record; empty if it has none."""
    path = folder / FILE
    record: dict[str, Any] = json.loads(path.read_text(encoding="utf-8")) if path.is_file() else {}
    return record
