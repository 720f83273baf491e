"""The modules of the project, by their names."""

from __future__ import annotations

from pathlib import Path

from tests.helpers.runs import PROJECT

PACKAGES = ("bench", "cli", "callbacks", "lightning_modules", "datamodules", "configs")


def name_of(path: Path) -> str:
    return ".".join(path.relative_to(PROJECT).with_suffix("").parts).removesuffix(".__init__")


def modules() -> dict[str, Path]:
    files = [path for package in PACKAGES for path in (PROJECT / package).rglob("*.py")]
    return {name_of(path): path for path in [*files, *PROJECT.glob("*.py")]}
