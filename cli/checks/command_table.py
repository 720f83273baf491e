"""The subcommands beside Lightning's: one table of names, modules and lines of help."""

from __future__ import annotations

import importlib
import sys
import textwrap
from collections.abc import Sequence
from typing import NamedTuple


class Command(NamedTuple):
    """A subcommand with a parser of its own."""

    module: str
    """The module whose `main(words)` runs it; imported only then."""
    help: str
    """What it does, in one line."""


COMMANDS = {
    "ask": Command("cli.commands.ask", "Answer texts from words or standard input; the shipped model or --model RUN."),
    "compare": Command("callbacks.reports.compare.__main__", "Compare runs on the same rows, with intervals."),
    "runs": Command("cli.commands.runs", "List the runs of a folder with their best results."),
    "report": Command("callbacks.reports.page.__main__", "Make a run's page, report.html, again from its files."),
    "dashboard": Command("cli.commands.dashboard", "Make a W&B workspace and a report for a project; --dry-run."),
    "demo": Command("cli.demo.page", "Open a page in the browser that asks a model."),
    "recombined": Command("cli.commands.recombined", "Make training data by rules: names from names, read by OPSIN."),
    "improve": Command("cli.commands.improve", "Train a model further on its own answers that a check passes."),
    "studies": Command("bench.studies.__main__", "Run a grid of fits and write its page; in a checkout only."),
    "env": Command("cli.commands.env", "Print versions, devices and extras: what a bug report needs."),
}  # fmt: skip


def run_command(name: str, args: Sequence[str], program: str) -> None:
    """Run a subcommand of the table.

    Args:
        name: One of `COMMANDS`.
        args: The words after it.
        program: The program as the user typed it, for usage lines.

    Raises:
        ValueError: If its module is not installed, or needs a POSIX system.
    """
    module = COMMANDS[name].module
    try:
        loaded = importlib.import_module(module)
    except ModuleNotFoundError as error:
        if error.name == "fcntl":
            raise ValueError(
                f"{name} needs file locks as Linux and macOS have them, but this system has none: run it there or in WSL."
            ) from error
        if error.name is None or not module.startswith(error.name):
            raise
        raise ValueError(
            f"{name} needs a checkout of the repository, since the installed package holds no {error.name}/: run "
            f"`python train.py {name}` there."
        ) from error
    was = sys.argv
    sys.argv = [f"{program} {name}", *args]  # parsers name the program by it
    try:
        loaded.main(list(args))
    finally:
        sys.argv = was


def describe_commands() -> str:
    """Return the lines of the main help page about the table's subcommands."""
    lines = [
        textwrap.fill(f"    {name:<20}{command.help}", 80, subsequent_indent=" " * 24, break_on_hyphens=False)
        for name, command in COMMANDS.items()
    ]
    return "\n".join(["  Further subcommands, each with flags of its own (--help):", *lines]) + "\n"
