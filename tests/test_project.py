"""pyproject.toml and the tree agree."""

from __future__ import annotations

import pytest

from tests.helpers.runs import PROJECT


def test_every_package_is_installed() -> None:
    tomllib = pytest.importorskip("tomllib")  # Python 3.11
    tools = tomllib.loads((PROJECT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]
    roots = {pattern.rstrip("*") for pattern in tools["setuptools"]["packages"]["find"]["include"]}
    assert roots <= set(tools["importlinter"]["root_packages"])
    with_code = {path.parent for root in roots for path in (PROJECT / root).rglob("*.py")}
    without_init = {str(folder) for folder in with_code if not (folder / "__init__.py").is_file()}
    assert not without_init, "setuptools finds packages by their __init__.py"
