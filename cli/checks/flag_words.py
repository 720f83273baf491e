"""Read a command line into flags and values as argparse does, without a parser."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import NamedTuple

from cli.exit_status import UsageError

_NUMBER = re.compile(r"-\d+|-\d*\.\d+|-(\d+\.?\d*|\.\d+)e[+-]?\d+", re.IGNORECASE)
_WITHOUT_VALUE = ("h", "help")
_MAYBE_VALUE = re.compile(r"print_config|.*\.help")


class Word(NamedTuple):
    """A flag with its value."""

    flag: str
    """Without the dashes and the `+` of a list that grows."""
    value: str | None
    """None for a flag that takes none."""
    adds: bool = False
    """Whether the value is appended."""

    @property
    def typed(self) -> str:
        """The flag as it is typed."""
        return f"-{self.flag}" if len(self.flag) == 1 else f"--{self.flag}"


def is_flag(arg: str) -> bool:
    """Return whether argparse takes an argument for a flag, and not for a value.

    Examples:
        >>> [is_flag(arg) for arg in ("--name", "--name=a b", "-c", "-1", "-1e-4", "-", "-a b", "CCO")]
        [True, True, True, False, False, False, False, False]
    """
    name = arg.partition("=")[0] if arg.startswith("--") else arg
    return len(arg) > 1 and arg.startswith("-") and " " not in name and not _NUMBER.fullmatch(arg)


def split_words(args: Sequence[str]) -> list[Word]:
    """Return the flags of the arguments behind a subcommand.

    Raises:
        UsageError: If a flag has no value, or a word belongs to no flag.

    Examples:
        >>> split_words(["--name", "mine", "--trainer.callbacks+=Timer", "--model.optimizer.lr", "-1"])  # doctest: +ELLIPSIS
        [Word(flag='name', value='mine', adds=False), Word(flag='trainer.callbacks', value='Timer', adds=True), ...]
        >>> split_words(["--name", "--data.shots", "1"])
        Traceback (most recent call last):
            ...
        cli.exit_status.UsageError: Expected a value after --name, but got --data.shots.
    """
    words: list[Word] = []
    place = 0
    while place < len(args):
        arg = args[place]
        place += 1
        if not is_flag(arg):
            raise UsageError(_describe_stray(arg))
        name, equals, value = arg.partition("=")
        flag = name.lstrip("-")
        adds, flag = flag.endswith("+"), flag.removesuffix("+")
        if not name.startswith("--") and len(flag) > 1 and (flag == "config" or not flag.startswith("c")):
            raise UsageError(
                f"Expected two dashes before the name of a flag, but got {arg}. Did you mean -{arg}?"
            )
        if not name.startswith("--") and len(flag) > 1:  # argparse takes -cFILE for -c FILE
            words.append(Word("c", arg[2:].removeprefix("=")))
            continue
        if equals:
            words.append(Word(flag, value, adds))
            continue
        following = args[place] if place < len(args) and not is_flag(args[place]) else None
        if flag in _WITHOUT_VALUE or (following is None and _MAYBE_VALUE.fullmatch(flag)):
            words.append(Word(flag, None))
            continue
        if following is None:
            came = args[place] if place < len(args) else "the end of the line"
            raise UsageError(f"Expected a value after {name}, but got {came}.")
        words.append(Word(flag, following, adds))
        place += 1
    return words


def _describe_stray(arg: str) -> str:
    """Return the message for a word that belongs to no flag."""
    name, equals, _ = arg.partition("=")
    hint = ""
    if equals and re.fullmatch(r"[\w.]+", name):
        hint = f" Did you mean --{arg}?"
    elif arg.endswith((".yaml", ".yml")):
        hint = f" Did you mean --config {arg}?"
    elif arg.endswith(".ckpt"):
        hint = f" Did you mean --ckpt_path {arg}?"
    elif arg.lower().endswith((".csv", ".tsv", ".parquet", ".jsonl", ".smi", ".sdf", ".xlsx", ".txt", ".gz")):
        hint = f" Did you mean --data.source {arg}?"
    return f"Expected a flag such as --data.source, but got {arg!r}; quote a value that holds blanks.{hint}"
