"""The loggers, plugins and callbacks of a run's trainer, from its configuration."""

from __future__ import annotations

from argparse import Action
from collections.abc import Iterable, Sequence
from enum import Enum
from importlib import import_module
from pathlib import Path
from typing import Any

from lightning.pytorch import Callback
from lightning.pytorch.callbacks import Checkpoint, LearningRateMonitor, ProgressBar
from lightning.pytorch.loggers import Logger, WandbLogger
from lightning.pytorch.plugins import CheckpointIO, Precision
from lightning.pytorch.utilities.rank_zero import rank_zero_info

from callbacks.reports.epoch_lines import EpochLines
from callbacks.reports.prediction_writer import PredictionWriter
from callbacks.reports.progress_line import ProgressLine
from callbacks.run.checkpoint_io import CheckpointWriter
from cli.trainer.sharded_strategy import ShardedStrategy
from cli.trainer.sharding_check import SHARDED

FOLDERS = frozenset({"save_dir", "dirpath"})
"""Arguments of loggers and callbacks that are folders."""
UNSETTLED = "runs/NAME"
"""The default of required folders: a run's folder, whose name is not known yet."""

_OUTPUT_HELP = "File for the answers (csv, tsv, jsonl, parquet or xlsx); - is standard output. Default: in the run's folder."
_ROUND_TRIP_HELP = (
    "A run or exported folder of the task the other way round (a forward model of reactions): the metric round_trip is the share "
    "of answers from which it predicts the question. Default: not measured."
)
OWN_FLAGS = {
    "predict": {"--output": _OUTPUT_HELP},
    "test": {"--round_trip": _ROUND_TRIP_HELP},
    "validate": {"--round_trip": _ROUND_TRIP_HELP},
}
"""Flags of single subcommands that set a callback, with their help."""


def as_list(value: Any) -> list[Any]:
    """Return a flag's value that may be one thing, several or none as a list."""
    if value is None or isinstance(value, bool):
        return []
    return list(value) if isinstance(value, Iterable) else [value]


def settle_defaults(arguments: Iterable[Action]) -> None:
    """Let required folders default to the run's folder, and names out of an enumeration be the plain text that YAML can hold."""
    for argument in arguments:
        if argument.required and argument.dest in FOLDERS:
            argument.required, argument.default = False, UNSETTLED
        elif isinstance(argument.default, Enum) and isinstance(argument.default, str):
            argument.default = argument.default.value


def settle_folders(parts: Any, name: str, was: str | None, folder: Path) -> None:
    """Make loggers and callbacks of a configuration write to the run's folder, unless the user has chosen another one.

    Args:
        parts: Configurations with `init_args`, one or several.
        name: The argument that is a folder.
        was: The folder of the run whose configuration was read, if any: nobody has chosen it for this one.
        folder: The run's folder.
    """
    parts = [parts] if hasattr(parts, "get") else as_list(parts)
    for part in parts:
        arguments = part.get("init_args") if hasattr(part, "get") else None
        if arguments is not None and name in arguments and str(arguments[name]) in {UNSETTLED, str(was)}:
            arguments[name] = str(folder)


def settle_dirpaths(callbacks: Iterable[Any], folder: Path) -> None:
    """Make checkpoint callbacks without a `dirpath` write to the run's folder."""
    for callback in callbacks:
        arguments = callback.get("init_args")
        if arguments is not None and "dirpath" in arguments and arguments.dirpath in (None, UNSETTLED):
            arguments.dirpath = str(folder / "checkpoints")


def has_precision(plugins: Any) -> bool:
    """Return whether a configuration's plugins decide the precision."""
    plugins = [plugins] if hasattr(plugins, "get") else as_list(plugins)
    paths = [plugin.get("class_path") for plugin in plugins if hasattr(plugin, "get")]
    return any(issubclass(_import_class(path), Precision) for path in paths)


def _import_class(path: str) -> type:
    module, _, name = path.rpartition(".")
    found: type = getattr(import_module(module), name)
    return found


def add_writer(plugins: Any) -> list[Any]:
    """Return the plugins with a writer of checkpoints that are whole or not there, unless one is named."""
    plugins = as_list(plugins)
    named = any(isinstance(plugin, CheckpointIO) for plugin in plugins)
    return plugins if named else [*plugins, CheckpointWriter()]


def choose_strategy(strategy: Any) -> Any:
    """Return the strategy that `sharded` names, which Lightning does not know by a word; another one unchanged."""
    return ShardedStrategy() if strategy == SHARDED else strategy


def join_loggers(own: Sequence[Logger], named: Any) -> list[Logger]:
    """Return the program's loggers and those that the user names; a named W&B logger replaces the program's."""
    named = as_list(named)
    if any(isinstance(logger, WandbLogger) for logger in named):
        own = [logger for logger in own if not isinstance(logger, WandbLogger)]
    return [*own, *named]


def choose_callbacks(callbacks: Iterable[Callback], logs: bool, checkpoints: bool) -> list[Callback]:
    """Return the callbacks that work with the trainer's switches, and say what a switch turns off.

    Args:
        callbacks: Those of the configuration.
        logs: Whether there is a logger.
        checkpoints: Whether checkpoints are written.
    """
    if not logs:
        rank_zero_info("--trainer.logger false: no metrics.csv, no W&B; the reports and summary.json stay.")
    if not checkpoints:
        rank_zero_info(
            "--trainer.enable_checkpointing false: the run cannot be resumed or tested; hf/ holds its last weights."
        )
    return [
        callback
        for callback in callbacks
        if (logs or not isinstance(callback, LearningRateMonitor))
        and (checkpoints or not isinstance(callback, Checkpoint))
    ]


def set_output(callbacks: list[Callback], output: str | None) -> None:
    """Make `predict` write its answers to the file that `--output` names."""
    if output is None:
        return
    writers = [callback for callback in callbacks if isinstance(callback, PredictionWriter)]
    if not writers:
        writers = [PredictionWriter()]
        callbacks += writers
    for writer in writers:
        writer.output = output


def terminal_callbacks(callbacks: Iterable[Callback], subcommand: str, bar: bool | None) -> list[Callback]:
    """Return what shows a run on the terminal: lines that stay, and one that moves unless another bar is named.

    Args:
        callbacks: The other callbacks.
        subcommand: Lightning's subcommand.
        bar: `--trainer.enable_progress_bar`; None is on.
    """
    named = any(isinstance(callback, ProgressBar) for callback in callbacks)
    lines: list[Callback] = [] if subcommand == "show" else [EpochLines()]
    return lines if bar is False or named else [*lines, ProgressLine()]
