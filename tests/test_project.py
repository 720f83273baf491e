"""pyproject.toml and the tree agree."""

from __future__ import annotations

import pytest

from tests.runs import PROJECT


def test_every_package_is_installed() -> None:
    tomllib = pytest.importorskip("tomllib")  # Python 3.11
    project = tomllib.loads((PROJECT / "pyproject.toml").read_text(encoding="utf-8"))
    listed = project["tool"]["setuptools"]["packages"]
    roots = {name.split(".")[0] for name in listed}
    found = {
        ".".join(path.parent.relative_to(PROJECT).parts)
        for root in roots
        for path in (PROJECT / root).rglob("__init__.py")
    }
    assert found == set(listed)
    assert roots == set(project["tool"]["importlinter"]["root_packages"])
