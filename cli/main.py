"""Run a command line, or print one line about a mistake in it."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from callbacks.loggers.secrets import hide_in_output
from callbacks.loggers.terminal import accept_any_text, is_first_process, quiet, say
from cli.argv import asks_for_help
from cli.checks.command_table import COMMANDS, describe_commands, run_command
from cli.checks.early_check import check_command_line
from cli.exit_status import USAGE, ending_of
from cli.help_pages import help_command, saved_help
from cli.openmp import thread_settings
from cli.run.kernel_cache import kernel_settings
from cli.run.streams import standard_streams
from cli.screen.quiet_libraries import quiet_environment, show_warnings_as_lines, silence_libraries
from cli.settings.exported import take_export
from configs.program import program_name

if TYPE_CHECKING:
    from lightning_modules.causal_lm import CausalLM


BROKEN_PIPE = 13
"""The number of SIGPIPE, which Windows does not have."""


def run(args: Sequence[str], model_class: type[CausalLM] | None = None) -> None:
    """Run a command line; the slow imports (PyTorch, Lightning, Transformers) happen here, so `--help` skips them.

    Args:
        args: Command-line arguments.
        model_class: The model, whose arguments become the `--model` flags; default: `CausalLM`.
    """
    _say_start(args)
    os.environ.update({**thread_settings(), **quiet_environment(), **kernel_settings()})
    from callbacks.loggers.wandb_logger import DashboardLogger
    from cli.patois_cli import PatoisCLI
    from cli.rank_watchdog import end_together
    from datamodules.sequence_task import SequenceTaskDataModule
    from lightning_modules.causal_lm import CausalLM

    silence_libraries()
    show_warnings_as_lines()
    with end_together():
        PatoisCLI(model_class or CausalLM, SequenceTaskDataModule, logger_class=DashboardLogger, args=args)


def main(args: Sequence[str] | None = None, model_class: type[CausalLM] | None = None) -> None:
    """Print `--help` from the saved pages, run any subcommand, and show a user's mistake as one line.

    Args:
        args: Command-line arguments; default: `sys.argv[1:]`.
        model_class: A model with another objective, whose flags no saved page lists; default: `CausalLM`.
    """
    args = list(sys.argv[1:] if args is None else args)
    program = program_name(sys.argv[0])
    if model_class is None and (text := _answer_at_once(args, program)) is not None:
        sys.stdout.write(text)
        return
    accept_any_text()
    hide_in_output(args)
    try:
        with quiet("--quiet" in args):
            args = [arg for arg in args if arg != "--quiet"]
            if model_class is None and args[:1] and args[0] in COMMANDS:
                run_command(args[0], args[1:], program)
                sys.stdout.flush()
                return
            with standard_streams(args) as words:
                words = take_export(words)
                if model_class is None:  # the list of flags has none of another model's
                    check_command_line(words, Path("runs"))
                run(words, model_class)
    except BrokenPipeError:  # `runs | head -1`: nobody reads on, and Python would try once more at its end
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(128 + BROKEN_PIPE)
    except KeyboardInterrupt:
        sys.stderr.write("error: stopped by Ctrl-C.\n")
        sys.exit(128 + signal.SIGINT)
    except Exception as error:
        if (line_and_status := ending_of(error)) is None:
            raise
        line, status = line_and_status
        if status == 1:
            sys.exit(line)
        sys.stderr.write(f"{line}\n")
        if status == USAGE:
            sys.stderr.write(f"See `{help_command(args, program)}`.\n")
        sys.exit(status)


def _answer_at_once(args: Sequence[str], program: str) -> str | None:
    """Return a saved help page or the version, if this is what the words ask for."""
    if args == ["--version"]:
        from cli.commands.env import own_version

        return f"patois {own_version()}\n"
    text = saved_help(args, program)
    return f"{text}\n{describe_commands()}" if text is not None and len(args) == 1 else text


def _say_start(args: Sequence[str]) -> None:
    """Print a line at once: loading the libraries takes seconds."""
    if args and not asks_for_help(args) and is_first_process(os.environ):
        say(f"{args[0]}: loading PyTorch ...", error=True)
