"""The shape of the house: no circles of imports, no overfull rooms. Who may import whom is import-linter's (`make lint`)."""

from __future__ import annotations

import ast
import importlib
import re
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import lightning
import pytest

from tests.helpers.modules import PACKAGES, modules
from tests.helpers.runs import PROJECT

MOST_MODULES = 16
"""About fifteen at one level; more are hard to take in."""


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
    assert found == {"__init__.py", "lookup.py", "program.py", "yaml_text.py"}


def test_init_files_hold_a_docstring_only() -> None:
    for package in PACKAGES:
        for path in (PROJECT / package).rglob("__init__.py"):
            [docstring] = ast.parse(path.read_text("utf-8")).body
            assert isinstance(docstring, ast.Expr), f"{path}: a docstring, and nothing else"


LIGHTNING = Path(lightning.__file__).parent
DOOR = PROJECT / "callbacks/lightning_private.py"
"""The one file that may touch what Lightning keeps to itself."""
PUBLIC = {"_reset", "_replace", "_fields", "_exit"}
"""Of torch's schedulers, named tuples and `os`, though something in Lightning is called so, too."""


def is_private(name: str) -> bool:
    return bool(re.fullmatch(r"_[a-z]\w*", name))


def defined_privately(source: str) -> set[str]:
    """The private functions, methods and attributes that a source makes."""
    found = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.FunctionDef):
            found.add(node.name)
        elif isinstance(node, ast.Attribute | ast.Name) and isinstance(node.ctx, ast.Store):
            found.add(node.attr if isinstance(node, ast.Attribute) else node.id)
    return {name for name in found if is_private(name)}


def touched_privately(source: str) -> set[str]:
    """The private attributes that a source reads or sets on something, by name or by a string, and does not make itself."""
    used, inherited, given = set(), set(), set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Attribute):
            owner = node.value
            if isinstance(owner, ast.Call) and isinstance(owner.func, ast.Name) and owner.func.id == "super":
                inherited.add(node.attr)
            elif isinstance(node.ctx, ast.Store) and not (
                isinstance(owner, ast.Name) and owner.id in ("self", "cls")
            ):
                given.add(node.attr)
            else:
                used.add(node.attr)
        elif isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and "attr" in node.func.id:
            used.update(
                a.value for a in node.args[1:2] if isinstance(a, ast.Constant) and isinstance(a.value, str)
            )
    own = {name for name in defined_privately(source) if name not in given}
    return {name for name in (used - own) | inherited | given if is_private(name)}


def lightnings_own() -> set[str]:
    folders = [LIGHTNING / "pytorch", LIGHTNING / "fabric"]
    files = [path for folder in folders for path in folder.rglob("*.py")]
    return {name for path in files for name in defined_privately(path.read_text("utf-8"))} - PUBLIC


def test_what_lightning_keeps_to_itself_is_touched_in_one_file_only() -> None:
    own = lightnings_own()
    assert len(own) > 500
    touched = {
        name: found
        for name, path in modules().items()
        if path != DOOR and (found := touched_privately(path.read_text("utf-8")) & own)
    }
    assert touched == {}
    assert touched_privately(DOOR.read_text("utf-8")) & own == {
        "_accelerator_connector", "_val_check_time_interval", "_restarting", "_launch_process_observer",
        "_prepare_subcommand_parser", "_parser", "_parse_ckpt_path", "_num_ready_batches_reached",
        "_should_check_val_fx", "_data_fetcher", "_wandb_init", "_experiment", "_offline", "_data_parallel_size",
    }  # fmt: skip


@pytest.mark.parametrize(
    "source",
    [
        "def f(trainer): return trainer._accelerator_connector.cluster_environment",
        "def f(trainer): trainer.fit_loop._restarting = False",
        "def f(trainer): return getattr(trainer, '_val_check_time_interval', None)",
        "class Model:\n    def f(self): return self._trainer is None",
        "class CLI:\n    def _instantiate_trainer(self): return super()._instantiate_trainer()",
    ],
)
def test_a_private_touch_is_found(source: str) -> None:
    assert touched_privately(source) & lightnings_own()
    assert (
        touched_privately(
            "class Mine:\n    def f(self):\n        self._trainer = 1\n        return self._trainer"
        )
        == set()
    )


def overridden_privately(kind: type) -> set[str]:
    """The private methods of Lightning that a class of ours replaces."""
    theirs = {
        name
        for base in kind.__mro__[1:]
        if base.__module__.startswith("lightning.")
        for name, value in vars(base).items()
        if is_private(name) and callable(value)
    }
    return theirs & {name for name, value in vars(kind).items() if callable(value)}


def test_no_private_method_of_lightning_is_replaced_elsewhere() -> None:
    """An override that Lightning no longer calls would do nothing, silently."""
    rooms = ("cli", "callbacks", "lightning_modules", "datamodules")
    kinds = {
        kind
        for name in modules()
        if name.split(".")[0] in rooms and not name.endswith(("__main__", "page"))
        for kind in vars(importlib.import_module(name)).values()
        if isinstance(kind, type) and kind.__module__ == name
    }
    assert len(kinds) > 100
    found = {
        f"{kind.__module__}.{kind.__name__}": names for kind in kinds if (names := overridden_privately(kind))
    }
    assert found == {
        "callbacks.lightning_private.OpenCLI": {"_prepare_subcommand_parser", "_parse_ckpt_path"}
    }


def test_nothing_imports_the_entries() -> None:
    files = modules()
    for name, path in files.items():
        assert not imports_of(path.read_text("utf-8"), set(files)) & {"train", "patois"}, name
    assert imports_of((PROJECT / "train.py").read_text("utf-8"), set(files)) == {"cli.main"}
