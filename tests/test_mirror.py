"""The tests mirror the tree: a module's tests are found by its name, and helpers stand apart from tests."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.helpers.runs import PROJECT

ROOMS = ("callbacks", "cli", "datamodules", "lightning_modules")
EXCEPTIONS = {
    "datamodules/rows/row.py": "fields only",
}
"""Modules without a test module of their name, and why."""


def modules() -> list[str]:
    """Return the paths of all modules of the rooms."""
    paths = [path for room in ROOMS for path in (PROJECT / room).rglob("*.py") if path.name != "__init__.py"]
    return sorted(path.relative_to(PROJECT).as_posix() for path in paths)


def find_tests(module: str, known: list[str], tests: Path) -> list[Path]:
    """Return a module's test modules: `test_NAME.py`, or `test_NAME_SUBJECT.py` that is no other module's.

    Args:
        module: Its path, such as `datamodules/formats.py`.
        known: The paths of all modules.
        tests: The folder that mirrors the project's.
    """
    folder = tests / Path(module).parent
    of_others = {f"test_{Path(other).stem.strip('_')}.py" for other in known if other != module}
    name = Path(module).stem.strip("_")
    return [
        *folder.glob(f"test_{name}.py"),
        *(path for path in folder.glob(f"test_{name}_*.py") if path.name not in of_others),
    ]


@pytest.mark.parametrize("module", modules())
def test_module_has_a_test_module_of_its_name(module: str) -> None:
    if module not in EXCEPTIONS:
        assert find_tests(module, modules(), PROJECT / "tests"), (
            f"expected a test module of the name of {module}"
        )


def test_exceptions_are_modules_that_still_lack_one() -> None:
    for module in EXCEPTIONS:
        assert module in modules()
        assert not find_tests(module, modules(), PROJECT / "tests"), f"{module} is no exception any more"


def test_find_tests_takes_parts_of_a_name_but_no_other_modules(tmp_path: Path) -> None:
    known = ["cli/row.py", "cli/row_reader.py", "cli/_hidden.py"]
    (tmp_path / "cli").mkdir()
    for name in ("test_row_reader.py", "test_hidden.py"):
        (tmp_path / "cli" / name).touch()
    assert find_tests("cli/row.py", known, tmp_path) == []
    assert [path.name for path in find_tests("cli/row_reader.py", known, tmp_path)] == ["test_row_reader.py"]
    assert [path.name for path in find_tests("cli/_hidden.py", known, tmp_path)] == ["test_hidden.py"]
    (tmp_path / "cli" / "test_row_ids.py").touch()
    assert [path.name for path in find_tests("cli/row.py", known, tmp_path)] == ["test_row_ids.py"]


def test_no_module_imports_a_test_module() -> None:
    """Not even in code that a test hands to a process: what two of them need is a helper."""
    imported = re.compile(r"^\s*(?:from|import) tests\.(?:\w+\.)*(?:test_\w+|conftest)\b.*", re.MULTILINE)
    found = {
        path.relative_to(PROJECT).as_posix(): lines
        for path in (PROJECT / "tests").rglob("*.py")
        if (lines := imported.findall(path.read_text(encoding="utf-8")))
    }
    assert found == {}


def test_helpers_are_apart_from_tests() -> None:
    tests = PROJECT / "tests"
    others = [
        path.relative_to(tests).as_posix()
        for path in tests.rglob("*.py")
        if not path.name.startswith("test_") and path.name != "conftest.py"
    ]
    assert [path for path in others if not path.startswith(("helpers/", "stress/", "gpu/"))] == []
    assert not list((tests / "helpers").glob("test_*.py"))
