"""The flags of each subcommand with their types and choices, read from a saved list without loading PyTorch.

`python -m cli.write_help_pages` writes the list beside the help pages, and a test keeps it equal to the parsers.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from cli.help_pages import FOLDER

PATH = FOLDER / "flags.json"
PACKAGES = ("jsonargparse", "lightning", "torch", "transformers")
"""Packages whose classes have flags: another version may have others."""


@dataclass(frozen=True)
class Flag:
    """One flag."""

    types: tuple[str, ...]
    """Any of int, float, bool, null, str; and `other` for what only the parser can check."""
    choices: tuple[str, ...] = ()
    """The literal values that it takes beside its types."""
    classes: tuple[str, ...] = ()
    """Import paths of the classes that it takes: their arguments are flags below it."""


@dataclass(frozen=True)
class FlagList:
    """The flags of all subcommands; without the dashes, and with a dot between levels."""

    flags: dict[str, dict[str, Flag]]
    """The flags of each subcommand."""
    arguments: dict[str, tuple[str, ...]]
    """The names of the arguments of each class."""
    versions: dict[str, str] = field(default_factory=dict)
    """The versions of `PACKAGES` that have these flags."""
    required: dict[str, tuple[str, ...]] = field(default_factory=dict)
    """The arguments without which a class cannot be made."""
    metrics: tuple[str, ...] = ()
    """The last parts of the names of all metrics that the default callbacks log."""

    def is_current(self) -> bool:
        """Return whether the packages that are installed here have the versions that the list was made with."""
        return self.versions == installed_versions()


def installed_versions() -> dict[str, str]:
    """Return the versions of `PACKAGES` that are installed."""
    found = {}
    for name in PACKAGES:
        with suppress(PackageNotFoundError):
            # A local version such as 2.10.0+cpu has the flags of 2.10.0.
            found[name] = version(name).partition("+")[0]
    return found


def read_flags(path: Path = PATH) -> FlagList:
    """Read the saved list."""
    content = json.loads(path.read_text(encoding="utf-8"))
    every = {name: _read_flag(flag) for name, flag in content["flags"].items()}
    return FlagList(
        {command: {name: every[name] for name in names} for command, names in content["subcommands"].items()},
        {name: tuple(names) for name, names in content["classes"].items() if names is not None},
        content["versions"],
        {name: tuple(names) for name, names in content["required"].items()},
        tuple(content["metrics"][""]),
    )


def _read_flag(content: Mapping[str, list[str]]) -> Flag:
    return Flag(*(tuple(content.get(name, ())) for name in ("types", "choices", "classes")))
