"""Write the saved help pages and the list of flags: `python -m cli.write_help_pages [FOLDER]`."""

from __future__ import annotations

import contextlib
import io
import os
import re
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from jsonargparse import ArgumentParser, Namespace

from cli.checks.flag_list import PATH
from cli.checks.write_flag_list import write_flags
from cli.help_pages import FOLDER
from cli.screen.full_help import mend_page
from cli.screen.short_help import short_page
from configs.program import PROGRAM

DEFAULTS = "Default values below come from configs/default.yaml if it sets one.\n\n"


def live_help(args: Sequence[str]) -> str:
    """Return the command line's own output for `args` and `--help`, at a fixed width and without colour."""
    from cli.main import run

    output = io.StringIO()
    os.environ.update(COLUMNS="110", NO_COLOR="1")
    with contextlib.redirect_stdout(output), contextlib.suppress(SystemExit):
        run([*args, "--help"])
    # The parser wraps this paragraph by the length of this machine's path, so it would differ on other machines.
    page = re.sub(r"default config file locations:\n.*?\n\n", DEFAULTS, output.getvalue(), flags=re.DOTALL)
    return mend_page(page)


def build_parsers() -> dict[str, ArgumentParser]:
    """Return the parser of each subcommand; it parses and runs nothing."""
    from lightning.pytorch.cli import LightningArgumentParser

    from callbacks.loggers.wandb_logger import DashboardLogger
    from cli.patois_cli import PatoisCLI
    from datamodules.sequence_task import SequenceTaskDataModule
    from lightning_modules.causal_lm import CausalLM

    built: dict[str, ArgumentParser] = {}

    class OnlyParsers(PatoisCLI):
        describes = True

        def make_subcommand_parser(self, *args: Any, **kwargs: Any) -> LightningArgumentParser:
            parser = super().make_subcommand_parser(*args, **kwargs)
            if args[1] == self.words.typed[0]:
                built[args[1]] = parser
            return parser

        def parse_arguments(self, parser: LightningArgumentParser, args: Any) -> None:
            self.config = Namespace(subcommand=None)

        def before_instantiate_classes(self) -> None:
            pass

        def instantiate_classes(self) -> None:
            pass

    for name in PatoisCLI.subcommands():
        OnlyParsers(CausalLM, SequenceTaskDataModule, logger_class=DashboardLogger, args=[name])
    return built


def _short(command: str, parser: ArgumentParser) -> str:
    """Return the short page of a subcommand, with the texts and the defaults of its parser."""
    texts = {
        option.removeprefix("--"): str(action.help)
        for action in parser._actions
        for option in action.option_strings
        if option.startswith("--") and action.help
    }
    settings = parser.get_defaults()
    defaults = {flag: value for flag in texts if isinstance(value := settings.get(flag), str | int | float)}
    return short_page(command, texts, defaults, PROGRAM)


def write_pages(folder: Path) -> None:
    """Write all pages into a folder; run it in a separate process, since it changes `sys.modules`."""
    # Where PEFT has installed accelerate, transformers would load it, and the pages would list its optimizers.
    modules: dict[str, Any] = sys.modules
    modules["accelerate"] = None
    folder.mkdir(exist_ok=True)
    (folder / "train.txt").write_text(live_help([]), encoding="utf-8")

    parsers = build_parsers()
    for name in parsers:
        (folder / f"{name}-all.txt").write_text(live_help([name]), encoding="utf-8")
        (folder / f"{name}.txt").write_text(_short(name, parsers[name]), encoding="utf-8")
    write_flags(parsers, folder / PATH.name)


if __name__ == "__main__":
    write_pages(Path(sys.argv[1]) if len(sys.argv) > 1 else FOLDER)
