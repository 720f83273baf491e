"""The examples in docstrings give what they say. They are found by reading; only modules that have some are imported."""

from __future__ import annotations

import ast
import doctest
import importlib
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.helpers.modules import PACKAGES, modules
from tests.helpers.runs import PROJECT

FLAGS = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE
LIGHT = (
    "callbacks", "callbacks.loggers", "callbacks.statistics", "cli", "configs", "datamodules", "datamodules.notations",
    "datamodules.sources", "datamodules.storage", "datamodules.tokens", "datamodules.workers",
)  # fmt: skip
"""Packages whose own examples must not load PyTorch."""


def documented(tree: ast.Module) -> Iterator[tuple[str, int, str]]:
    """Yield the name, the line and the docstring of a module, its classes and functions."""
    nodes: list[tuple[str, ast.AST]] = [("", tree)]
    for name, node in nodes:
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef):
            if docstring := ast.get_docstring(node, clean=False):
                yield name or "docstring", node.body[0].lineno, docstring
            inner = (child for child in node.body if isinstance(child, ast.ClassDef | ast.FunctionDef))
            nodes += [(f"{name}.{child.name}".lstrip("."), child) for child in inner]


def find_examples(module: str, path: Path) -> list[doctest.DocTest]:
    parser = doctest.DocTestParser()
    tree = ast.parse(path.read_text(encoding="utf-8"))
    tests = [
        parser.get_doctest(docstring, {}, f"{module}:{name}", str(path), line - 1)
        for name, line, docstring in documented(tree)
        if ">>>" in docstring
    ]
    return [test for test in tests if test.examples]


FILES = {**modules(), "docs.site_pages": PROJECT / "docs" / "site_pages.py"}
FOUND = [test for module, path in sorted(FILES.items()) for test in find_examples(module, path)]


def run(test: doctest.DocTest) -> str:
    """Run the examples of a docstring in its module's names, and return what differs."""
    module = test.name.partition(":")[0]
    test.globs = {**vars(importlib.import_module(module)), "__name__": module}
    told: list[str] = []
    doctest.DocTestRunner(optionflags=FLAGS).run(test, out=told.append)
    return "".join(told)


@pytest.mark.parametrize("test", FOUND, ids=lambda test: test.name)
def test_examples_give_what_they_say(test: doctest.DocTest) -> None:
    assert run(test) == ""


def test_an_example_that_is_wrong_is_found() -> None:
    docstring = "Find.\n\nExamples:\n    >>> find_name('A', ['a'])\n    'b'\n"
    told = run(doctest.DocTestParser().get_doctest(docstring, {}, "configs.lookup:x", "x.py", 0))
    assert "Expected:\n    'b'\nGot:\n    'a'" in told


def test_there_are_examples_in_every_room() -> None:
    functions = [test.name for test in FOUND if not test.name.endswith(":docstring")]
    assert len(functions) >= 30
    assert {name.split(".")[0] for name in functions} >= set(PACKAGES)


def test_examples_of_light_rooms_load_nothing_heavy() -> None:
    code = (
        "import doctest, importlib, sys\n"
        f"done = [doctest.testmod(importlib.import_module(name)) for name in {LIGHT!r}]\n"
        "print(*(one.attempted > 0 == one.failed for one in done), *sys.modules)"
    )
    ran = subprocess.run(
        [sys.executable, "-c", code], cwd=PROJECT, capture_output=True, text=True, check=True
    )
    words = ran.stdout.split()
    assert words[: len(LIGHT)] == ["True"] * len(LIGHT), ran.stdout
    assert {"torch", "lightning", "transformers"}.isdisjoint(words)
