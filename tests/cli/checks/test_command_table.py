from __future__ import annotations

import importlib
import sys
from types import SimpleNamespace

import pytest

from cli.checks import command_table as table
from cli.checks.command_table import COMMANDS, run_command
from cli.main import main
from tests.helpers.imports import loaded_by


@pytest.mark.parametrize("name", sorted(COMMANDS))
def test_each_module_of_the_table_has_a_main(name: str) -> None:
    assert callable(importlib.import_module(COMMANDS[name].module).main)


def test_help_shows_all_subcommands_with_a_line_each(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "argv", ["/x/bin/patois", "--help"])
    main()
    page = capsys.readouterr().out
    for name in ("fit", "validate", "test", "predict", "show", *COMMANDS):
        assert f"\n    {name:<20}" in page
    assert max(map(len, table.describe_commands().splitlines())) <= 110


def test_a_subcommand_gets_its_words_and_is_named_in_its_usage(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    seen: list[object] = []
    stub = SimpleNamespace(main=lambda words: seen.extend([words, sys.argv[0]]))
    monkeypatch.setattr(table.importlib, "import_module", lambda name: stub)
    before = list(sys.argv)
    run_command("runs", ["x", "--json"], "patois")
    assert seen == [["x", "--json"], "patois runs"]
    assert sys.argv == before


def test_what_the_installed_package_lacks_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "bench", None)
    for name in [name for name in sys.modules if name.startswith("bench.")]:
        monkeypatch.delitem(sys.modules, name)
    with pytest.raises(ValueError, match="studies needs a checkout of the repository"):
        run_command("studies", ["list", "epochs"], "patois")


def test_a_mistyped_subcommand_has_a_suggestion(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["comprae"])
    assert ended.value.code == 2
    assert "Did you mean 'compare'?" in capsys.readouterr().err


@pytest.mark.parametrize(
    "module", ["cli.main", "cli.checks.command_table", "cli.commands.env", "cli.commands.runs"]
)
def test_nothing_heavy_is_loaded_before_a_subcommand_runs(module: str) -> None:
    assert loaded_by(f"import {module}") == set()
