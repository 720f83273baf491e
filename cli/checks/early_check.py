"""Tell a mistake of the command line in one line before PyTorch is loaded, which takes seconds."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

from cli.checks.class_check import check_monitored, check_required
from cli.checks.command_table import COMMANDS
from cli.checks.device_check import check_devices, needs_devices
from cli.checks.early_settings import gather
from cli.checks.flag_check import check_words
from cli.checks.flag_list import read_flags
from cli.checks.flag_words import is_flag, split_words
from cli.checks.value_check import check_values, data_flags
from cli.exit_status import UsageError
from cli.openmp import thread_settings
from cli.screen.completion import SHELLS
from configs.lookup import suggest

_FOR_THE_PARSER = ("-h", "--help", "--print_config")


def check_command_line(args: Sequence[str], runs: Path) -> None:
    """Check a command line: its flags, the values that can be judged alone, and the columns of its tables.

    What cannot be understood here is left to the parser, which decides.

    Args:
        args: The command line.
        runs: The folder of all runs.

    Raises:
        UsageError: If a subcommand, a flag or a key of a configuration file is unknown, or a value is of another type.
        ValueError: If a value cannot work, or a table is missing, empty or lacks a column.
    """
    listed = read_flags()
    commands = list(listed.flags)
    if not args:
        raise UsageError(f"Expected a subcommand: {', '.join([*commands, *COMMANDS])}.")
    command = args[0]
    if is_flag(command):
        if (parts := command.split("=", 1))[0] == "--completion":
            shell = [*parts[1:], *args[1:2], "no shell"][0]
            raise UsageError(f"Expected --completion {' or --completion '.join(SHELLS)}, but got {shell}.")
        if command.partition("=")[0] not in ("-c", "--config", *_FOR_THE_PARSER):
            raise UsageError(
                f"Expected a subcommand ({', '.join(commands)}) before the flags, but got {command}."
            )
        split_words(args[:2])
        return
    if command not in commands:
        raise UsageError(
            f"No subcommand is called {command!r} (there are {', '.join([*commands, *COMMANDS])})."
            f"{suggest(command, [*commands, *COMMANDS])}"
        )
    words = split_words(args[1:])
    if any(word.flag in ("h", "help") or word.flag.endswith(".help") for word in words):
        return
    settings = gather(command, words, listed)
    check_words(command, words, listed, settings.configured)
    check_required(command, words, listed)
    check_monitored(words, settings.values, listed)
    check_values(command, settings.values, runs, complete=settings.complete)
    if settings.certain:
        # Here, since rdkit and pyarrow are not needed to refuse a flag.
        from datamodules.rows.early_check import check_flags, check_tables

        data = data_flags(settings.values)
        check_flags(data)
        if not any(word.flag == "print_config" for word in words):
            check_tables(command, data, fetch=False)
    elif command == "predict" and any(word.flag == "data.predict_path" for word in words):
        from datamodules.sources.head import read_head
        from datamodules.sources.lookup import refuse_many

        path = str(settings.values.get("data.predict_path"))
        refuse_many(path)
        read_head(path, fetch=False)
    accelerator, devices = (settings.values.get(f"trainer.{name}") for name in ("accelerator", "devices"))
    if needs_devices(accelerator, devices):
        os.environ.update(thread_settings())  # since it loads PyTorch
        check_devices(accelerator, devices)
