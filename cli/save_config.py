"""A run's config.yaml: written when the run starts, compared when it resumes."""

from __future__ import annotations

import contextlib
import shlex
import sys
import time
from collections.abc import Collection, Mapping, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

import lightning.pytorch as pl
import torch
from lightning.pytorch.cli import SaveConfigCallback
from lightning.pytorch.trainer.states import TrainerFn
from lightning.pytorch.utilities.rank_zero import rank_zero_info

from callbacks.loggers.metrics_csv import MetricsCSV
from callbacks.loggers.secrets import hide_in_words, hide_secrets
from callbacks.loggers.wandb_logger import DashboardLogger
from callbacks.reports.dashboard.facts import name_run, read_training_rows
from callbacks.run.command_record import read_record, record_command
from callbacks.run.run_facts import output_folder
from cli.checks.checkpoint_path import find_run
from cli.given import Given
from cli.resume_diff import differences, say, say_other_data
from cli.run_folder import is_default_name
from cli.settings.run_settings import read_typed_settings, settle_paths
from cli.settings.words import bring_along
from configs.program import program_name
from configs.yaml_text import read_yaml, write_yaml
from datamodules.rows.guess_words import settings_of
from datamodules.storage.atomic_write import whole_file


class SaveRunConfig(SaveConfigCallback):
    """Writes a fit's resolved configuration to the run's folder and its loggers; other subcommands change neither.

    Every subcommand writes `made_by.json` to its own folder: its command line, the flags that were given and differ from the
    defaults (those of the base, where it brings its own), versions.

    Args:
        args: The arguments of LightningCLI's class.
        words: The command line as the user typed it.
        given: The flags that it gives by words, files or variables.
        kwargs: The other arguments of LightningCLI's class.
    """

    def __init__(
        self, *args: Any, words: Sequence[str] = (), given: Collection[str] = (), **kwargs: Any
    ) -> None:
        super().__init__(*args, **kwargs)
        self._given = frozenset(given)
        self._command = shlex.join([*program_name(sys.argv[0]).split(), *hide_in_words(words)])
        self._begun = time.strftime("%Y-%m-%d %H:%M:%S")

    def setup(self, trainer: pl.Trainer, pl_module: pl.LightningModule, stage: str) -> None:
        """Write a new run's `config.yaml` before anything else; print the changed flags of a resumed or evaluated run."""
        if not trainer.is_global_zero:
            return
        for logger in trainer.loggers:  # the data have been read
            if isinstance(logger, DashboardLogger):
                logger.release(self._choose_name(trainer))
        # What was guessed is saved, so that it also holds for tables with other columns.
        guesses = getattr(getattr(trainer, "datamodule", None), "guesses", ())
        for name, value in settings_of(guesses).items():
            self.config.data[name] = value
        if stage == "fit" and self.config.ckpt_path is None:
            self._keep(trainer)
        elif (run := find_run(self.config.get("ckpt_path"))) is not None:
            changed = differences(read_typed_settings(run), self._settings())
            if line := say(changed) if stage == "fit" else say_other_data(changed):
                rank_zero_info(line)

    def _choose_name(self, trainer: pl.Trainer) -> str | None:
        """Return the run's name in W&B if nobody has chosen one: what it was trained on; None keeps the folder's."""
        folder, data = Path(trainer.default_root_dir), getattr(trainer, "datamodule", None)
        if data is None or not is_default_name(folder.name):
            return None
        base = str(self.config.model.get("base"))
        return name_run(data.task_names, data.form.name, base, read_training_rows(folder))

    def on_train_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Write a resumed run's new configuration only now: a refused checkpoint must not change the old one."""
        if trainer.is_global_zero and self.config.ckpt_path is not None:
            self._keep(trainer)

    def on_validation_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Record `validate` when it has something to show."""
        if trainer.is_global_zero and trainer.state.fn == TrainerFn.VALIDATING:
            self._record(trainer)

    def on_test_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Record `test` when it has something to show."""
        if trainer.is_global_zero:
            self._record(trainer)

    def _record(self, trainer: pl.Trainer, goes_on: bool = False) -> None:
        """Write `made_by.json` to the subcommand's folder."""
        defaults = read_yaml(
            self.parser.dump(self.parser.get_defaults(), skip_unset=False, skip_validation=True)
        )
        folder = output_folder(trainer)
        base = base_defaults(str(self.config.model.get("base")))
        changed = differences(hide_secrets(defaults), self._settings(), base)
        before = [flag for flag, *_ in read_record(folder).get("changed", ())] if goes_on else []
        shown = keep_given(changed, {*self._given, *before})
        device = describe_device(trainer)
        record_command(folder, self._command, self._begun, shown, device, goes_on)

    def _settings(self) -> dict[str, Any]:
        settings: dict[str, Any] = hide_secrets(read_yaml(self.parser.dump(self.config, skip_unset=False)))
        return settings

    def _keep(self, trainer: pl.Trainer) -> None:
        """Write `config.yaml` atomically and log the settings."""
        settings = self._settings()
        folder = Path(trainer.default_root_dir)
        settle_paths(settings, folder)
        folder.mkdir(parents=True, exist_ok=True)
        with whole_file(folder / "config.yaml") as file:
            file.write(write_yaml(settings))
        self._record(trainer, goes_on=self.config.ckpt_path is not None)
        for logger in trainer.loggers:
            if not isinstance(logger, MetricsCSV):  # it would repeat the settings in hparams.yaml
                logger.log_hyperparams(settings)


def base_defaults(base: str) -> dict[str, Any]:
    """Return the flags whose default a base brings along; none of a base that is not there any more."""
    with contextlib.suppress(ValueError):
        words = bring_along(base, Given())
        return {
            flag.removeprefix("--"): read_yaml(value) for flag, value in pairwise(words) if flag[:2] == "--"
        }
    return {}


def keep_given(changed: Mapping[str, tuple[Any, Any]], given: Collection[str]) -> dict[str, tuple[Any, Any]]:
    """Return those of the changed flags that were given, by themselves or as part of a group.

    Examples:
        >>> changed = {"data.digits": (None, 2), "model.peft.rank": (None, 8), "model.optimizer.lr": (1, 2)}
        >>> keep_given({**changed, "model.optimizer": ("AdamW", "SGD")}, ["model.peft", "model.optimizer"])
        {'model.peft.rank': (None, 8), 'model.optimizer': ('AdamW', 'SGD')}
    """
    groups = tuple(f"{flag}." for flag in given if flag not in changed)
    return {flag: values for flag, values in changed.items() if flag in given or flag.startswith(groups)}


def describe_device(trainer: pl.Trainer) -> str:
    """Return what a trainer runs on, such as `2 x NVIDIA H100, bf16-mixed`."""
    device = trainer.strategy.root_device
    name = torch.cuda.get_device_name(device) if device.type == "cuda" else device.type
    return f"{trainer.world_size} x {name}, {trainer.precision}"
