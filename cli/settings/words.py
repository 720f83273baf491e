"""Complete a command line: what a checkpoint's run, the model that ships or the base bring along lies beneath what is given."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import Any, NamedTuple

from callbacks.loggers.terminal import is_first_process, say
from callbacks.run.run_facts import from_here
from cli.argv import flag_value
from cli.checks.checkpoint_path import find_run, take_folder
from cli.given import PATH_FLAGS, Given, asks_flagship, name_flags, read_flagship, read_given
from cli.old_class_paths import rename_class_paths
from cli.run_folder import resolve_keyword
from cli.settings.auto_base import AUTO, choose_base
from cli.settings.run_settings import name_run, read_run_settings
from configs.lookup import CONFIGS, load_yaml
from configs.yaml_text import write_yaml
from datamodules.workers.opsin import is_installed
from lightning_modules.decoder.bases import learning_rate_of, resolve_base

CANDIDATES = 8
"""Answers that `predict` draws of the shipped model, to give one that OPSIN reads back."""


class Words(NamedTuple):
    """The arguments of a command line."""

    typed: list[str]
    """As the user typed them."""
    completed: list[str]
    """With implied arguments added: the file that `last` means, a run's own configuration, the base's learning rate."""
    given: Given
    """What they give by themselves."""
    run: Path | None = None
    """The folder of the checkpoint's run."""
    beneath: Mapping[str, Any] = MappingProxyType({})
    """The settings that lie beneath what is given: the run's own, or those of the model that ships."""
    begins_again: bool = False
    """Whether `--ckpt_path` was given but the run has no checkpoint yet, so that it restarts in its folder."""

    @property
    def files(self) -> list[Path]:
        """The configuration files that were read, the run's own first."""
        own = [] if self.run is None else [self.run / "config.yaml"]
        return [*own, *self.given.files]

    @property
    def flags(self) -> frozenset[str]:
        """The flags that words, files and variables give a value."""
        return name_flags(self.given, self.typed, os.environ)

    def naming_run(self) -> contextlib.AbstractContextManager[None]:
        """Return a context in which an error about a path of the run's own names the run's config.yaml."""
        given = [flag for flag in PATH_FLAGS if self.given.get(flag) is not None]
        return name_run(self.run, self.beneath, given)


def complete_words(typed: Sequence[str], runs: Path, subcommands: Collection[str]) -> Words:
    """Put beneath a command line the configuration of a checkpoint's run, or else what the base brings along.

    Args:
        typed: The arguments of a command line.
        runs: The folder of all runs.
        subcommands: All subcommands; arguments without any of them stay unchanged.

    Raises:
        ValueError: If `--ckpt_path` refers to a run or a checkpoint that does not exist, or stands beside a base `auto`.
    """
    args = [rename_class_paths(arg) for arg in typed]
    given = read_given(args, subcommands)
    if given.subcommand is None:
        return Words(list(typed), args, given)
    before, after = args[: given.place], spell_out(args[given.place :], given)
    asks_checkpoint = flag_value(after, "--ckpt_path") is not None
    after = resolve_keyword(take_folder(after), runs)
    checkpoint = flag_value(after, "--ckpt_path")
    begins_again = asks_checkpoint and checkpoint is None
    if begins_again and given.get("ckpt_path"):
        after.append("--ckpt_path=")  # none yet, whatever a file says
    run = find_run(None if checkpoint is None else os.path.expanduser(checkpoint))
    beneath: dict[str, Any] = {}
    if checkpoint is not None and given.get("model.base") == AUTO:
        raise ValueError(
            "Expected --model.base auto without --ckpt_path, since a checkpoint has its base, but got both: leave one out."
        )
    if run is not None:
        run, beneath = from_here(run), read_run_settings(run)
    elif asks_flagship(given):
        beneath = read_flagship(given.subcommand)
        if given.subcommand == "predict" and may_verify(name_flags(given, typed, os.environ)):
            beneath["model"]["generation"]["candidates"] = CANDIDATES
            if is_first_process(os.environ):
                say(
                    f"predict: the flagship answers, with the most probable of {CANDIDATES} answers that OPSIN reads as the "
                    "question's molecule; --model.generation.candidates 1 takes its first answer, in an eighth of the time.",
                    error=True,
                )
    else:
        base = base_of(given)
        if base == AUTO:
            base, line = choose_base(given)
            after += ["--model.base", base]
            if is_first_process(os.environ):
                say(f"{line}.", error=True)
        after[1:1] = bring_along(base, given)
    if beneath:  # before the subcommand, so that all other files, flags and variables override it
        before = ["--config", write_yaml({given.subcommand: beneath}), *before]
    return Words(list(typed), [*before, *after], given, run, beneath, begins_again)


def spell_out(args: Sequence[str], given: Given) -> list[str]:
    """Return the arguments with `--ckpt_path` and `--name` as flags, if a file or a variable gives them.

    Args:
        args: Arguments from the subcommand on.
        given: What the whole command line gives.
    """
    flags = {f"--{flag}": given.get(flag) for flag in ("ckpt_path", "name")}
    return [
        *args,
        *(
            f"{flag}={value}"
            for flag, value in flags.items()
            if isinstance(value, str) and value and flag_value(args, flag) is None
        ),
    ]


def may_verify(flags: Collection[str]) -> bool:
    """Return whether OPSIN chooses the shipped model's answers: if it is here, and no flag says how to generate.

    Examples:
        >>> may_verify(["data.predict_path", "model.generation.strategy"])
        False
    """
    return not any(flag.startswith("model.generation") for flag in flags) and is_installed()


def base_of(given: Given) -> str:
    """Return the base that a command line selects."""
    base = given.get("model.base")
    if not isinstance(base, str) or not base:  # none, or one that the parser will refuse
        base = load_yaml(CONFIGS / "default.yaml")["model"]["base"]
    return str(base)


def bring_along(base: str, given: Given) -> list[str]:
    """Return the flags that a base brings along: its learning rate and its format, unless they are given."""
    rate = None if given.gives_rate() else learning_rate_of(base)
    form = None if given.get("data.format") else resolve_base(base).format
    return [
        *(() if rate is None else ("--model.optimizer.lr", str(rate))),
        *(() if form is None else ("--data.format", form)),
    ]
