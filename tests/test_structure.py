"""The shape of the house: no circles of imports, no overfull rooms. Who may import whom is import-linter's (`make lint`)."""

from __future__ import annotations

import ast
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

from tests.helpers.runs import PROJECT

PACKAGES = ("bench", "cli", "callbacks", "lightning_modules", "datamodules", "configs")
MOST_MODULES = 16
"""About fifteen at one level; more are hard to take in."""


def name_of(path: Path) -> str:
    return ".".join(path.relative_to(PROJECT).with_suffix("").parts).removesuffix(".__init__")


def modules() -> dict[str, Path]:
    files = [path for package in PACKAGES for path in (PROJECT / package).rglob("*.py")]
    return {name_of(path): path for path in [*files, *PROJECT.glob("*.py")]}


def imports_of(source: str, known: set[str]) -> set[str]:
    """Return the modules of ours that a source imports anywhere, also within functions and for type checkers only."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            found.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            members = {f"{node.module}.{alias.name}" for alias in node.names}
            found |= (members & known) or {node.module}
    return found & known


def find_circle(graph: dict[str, set[str]]) -> list[str]:
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        return list(error.args[1])
    return []


def test_modules_have_no_circular_imports() -> None:
    files = modules()
    graph = {name: imports_of(path.read_text("utf-8"), set(files)) for name, path in files.items()}
    assert len(graph) > 200
    assert find_circle(graph) == []


def test_packages_have_no_circular_imports() -> None:
    """At the top and within each package: folders that import each other are one folder."""
    files = modules()
    edges = [
        (name, other)
        for name, path in files.items()
        for other in imports_of(path.read_text("utf-8"), set(files))
    ]
    for depth in (1, 2):
        graph: dict[str, set[str]] = {}
        for pair in edges:
            one, other = (".".join(name.split(".")[:depth]) for name in pair)
            if one != other and not other.startswith(f"{one}.") and not one.startswith(f"{other}."):
                graph.setdefault(one, set()).add(other)
        assert find_circle(graph) == [], f"at depth {depth}"


def test_circular_import_is_found() -> None:
    sources = {"a.b": "def f():\n    from a import c", "a.c": "import a.d", "a.d": "from a.b import f"}
    circle = find_circle({name: imports_of(source, set(sources)) for name, source in sources.items()})
    assert set(circle) == {"a.b", "a.c", "a.d"}


@pytest.mark.parametrize("package", PACKAGES)
def test_folders_hold_few_modules(package: str) -> None:
    for folder in [PROJECT / package, *(path for path in (PROJECT / package).rglob("*") if path.is_dir())]:
        found = [path.name for path in folder.glob("*.py") if path.name != "__init__.py"]
        assert len(found) <= MOST_MODULES, f"{folder.relative_to(PROJECT)}: {sorted(found)}"


def test_configs_holds_files_and_what_finds_them() -> None:
    found = {path.relative_to(PROJECT / "configs").as_posix() for path in (PROJECT / "configs").rglob("*.py")}
    assert found == {"__init__.py", "lookup.py"}


def test_init_files_hold_a_docstring_only() -> None:
    for package in PACKAGES:
        for path in (PROJECT / package).rglob("__init__.py"):
            [docstring] = ast.parse(path.read_text("utf-8")).body
            assert isinstance(docstring, ast.Expr), f"{path}: a docstring, and nothing else"
