"""The command line: LightningCLI with a folder per run, this program's loggers, and one more subcommand, `show`."""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import lightning.pytorch as pl
from jsonargparse import set_parsing_settings
from lightning.pytorch.cli import ArgsType, LightningArgumentParser

from callbacks.lightning_private import OpenCLI
from callbacks.loggers.metrics_csv import MetricsCSV
from callbacks.loggers.secrets import hide_secrets
from callbacks.loggers.terminal import say
from callbacks.reports.dashboard.facts import DashboardFacts
from callbacks.run.last_checkpoint import LastCheckpoint
from callbacks.run.training_memory import TrainingMemory
from callbacks.run.whole_steps import WholeSteps
from cli.argv import asks_for_help, flag_values
from cli.asking.conditions import check_condition
from cli.asking.forward import set_forward
from cli.checks.checkpoint_path import find_checkpoint, find_run
from cli.checks.settings_check import check_settings
from cli.class_allowlist import allow_imports, refuse_foreign_code
from cli.hub_fallback import leave_unreachable_hub
from cli.precision import choose_precision
from cli.run.outputs import keep_earlier
from cli.run.resume_lists import drop_repeated
from cli.run_folder import (
    claimed,
    goes_on,
    is_first_rank,
    one_run,
    refuse_other_root,
    refuse_used,
    settle_folder,
)
from cli.save_config import SaveRunConfig
from cli.settings.parser import Parser, use_one_reader
from cli.settings.run_settings import read_typed_settings
from cli.settings.words import complete_words
from cli.trainer.checks import check_trainer
from cli.trainer.errors import told_in_one_line
from cli.trainer.monitor_check import SCHEDULER, check_monitors, monitors_of
from cli.trainer.own_weights import OwnWeights
from cli.trainer.parts import (
    OWN_FLAGS,
    add_writer,
    choose_callbacks,
    choose_strategy,
    has_precision,
    join_loggers,
    set_output,
    settle_dirpaths,
    settle_folders,
    terminal_callbacks,
)
from cli.trainer.support import read_features
from configs.lookup import CONFIGS
from configs.program import program_name
from configs.yaml_text import read_yaml
from datamodules.limits import spell_shard
from datamodules.sequence_task import SequenceTaskDataModule


@dataclass
class DashboardSettings:
    """Weights & Biases. Without an API key or a network, the run is logged offline; `wandb sync` uploads it later."""

    project: str = "patois"
    """Project of the run."""
    entity: str | None = None
    """User or team; default: the owner of the API key."""
    group: str | None = None
    """Name of a group of related runs, e.g. the seeds of one setting."""
    tags: list[str] = field(default_factory=list)
    """Labels to find the run by."""
    offline: bool = False
    """Log to the run's folder only, without uploading."""


class Trainer(pl.Trainer):
    """Lightning's trainer with `show`, which prints what the model would read."""

    def show(self, model: pl.LightningModule, datamodule: SequenceTaskDataModule, rows: int = 3) -> None:
        """Print rendered training rows with their supervised tokens marked.

        Args:
            model: The model; its weights are not loaded.
            datamodule: The data module.
            rows: Number of rows.
        """
        colour = sys.stdout.isatty() and "NO_COLOR" not in os.environ
        for text in datamodule.preview(rows, colour):
            sys.stdout.write(text + "\n")
        if aside := datamodule.set_aside("fit"):
            first = f"{aside[0].file}, line {aside[0].line}: {aside[0].reason}"
            say(f"Rows that cannot be used: {len(aside):,}; the first one: {first}.", error=True)


class PatoisCLI(OpenCLI):
    """`fit`, `validate`, `test`, `predict` and `show` for one model class and one data module class."""

    describes = False
    """Whether flags have their texts, from the attributes' docstrings, where no help is asked for, too."""

    def __init__(
        self,
        model_class: type[pl.LightningModule],
        datamodule_class: type[pl.LightningDataModule],
        *,
        logger_class: type,
        runs: Path = Path("runs"),
        args: Sequence[str] | None = None,
        **kwargs: Any,
    ) -> None:
        """Complete the arguments, then parse and run them as LightningCLI does.

        Args:
            model_class: The model; its arguments become the `--model` flags.
            datamodule_class: The data module; its arguments become the `--data` flags.
            logger_class: The dashboard's logger.
            runs: The folder of all runs.
            args: Command-line arguments; default: this process's.
            kwargs: Further arguments of LightningCLI.
        """
        self.logger_class, self.runs = logger_class, runs
        allow_imports()
        use_one_reader()
        with one_run(self.runs), contextlib.ExitStack() as self.claims:
            self.words = complete_words(sys.argv[1:] if args is None else args, self.runs, self.subcommands())
            # The texts of a hundred classes take 0.7 s of processor time to read, and only help shows them.
            describes = self.describes or asks_for_help(self.words.completed)
            set_parsing_settings(docstring_parse_attribute_docstrings=describes)
            files = {"files": self.words.files}
            defaults = {"default_config_files": [str(CONFIGS / "default.yaml")], **files}
            self.claims.enter_context(self.words.naming_run())
            super().__init__(
                model_class,
                datamodule_class,
                args=self.words.completed,
                trainer_class=Trainer,
                parser_class=Parser,
                save_config_callback=SaveRunConfig,
                save_config_kwargs={"words": self.words.typed, "given": self.words.flags},
                seed_everything_default=0,
                parser_kwargs={
                    "prog": program_name(sys.argv[0]),
                    "allow_abbrev": False,  # `--model.bas` would set the base, but not the base's learning rate
                    "description": "Fine-tune a small decoder language model on pairs. `make fit` runs `fit` with defaults.",
                    **files,
                    **{name: dict(defaults) for name in self.subcommands()},
                },
                # Checkpoints hold no hyperparameters: the run's config.yaml does, and flags override it.
                load_from_checkpoint_support=False,
                auto_configure_optimizers=False,  # a second optimizer flag could contradict --model.optimizer
                **kwargs,
            )

    @staticmethod
    def subcommands() -> dict[str, set[str]]:
        """Add `show` to Lightning's subcommands."""
        return {**OpenCLI.subcommands(), "show": {"model", "datamodule"}}

    def make_subcommand_parser(
        self, trainer_class: type, subcommand: str, **kwargs: Any
    ) -> LightningArgumentParser:
        """Read the signatures and docstrings of all classes only for the subcommand that runs.

        Each subcommand takes 0.4 s of processor time, a tenth of the time to import PyTorch and Lightning.
        """
        if self.words.given.subcommand not in (None, subcommand):
            return self.init_parser(description=kwargs.get("description"))
        parser = super().make_subcommand_parser(trainer_class, subcommand, **kwargs)
        if subcommand in ("validate", "test"):
            # Lightning's table has a line for each of about a hundred metrics, with cut names; RunSummary prints its own.
            parser.set_defaults(verbose=False)
        if subcommand == "predict":
            parser.set_defaults(return_predictions=False)  # nobody reads them, and they would stay in memory
        for flag, text in OWN_FLAGS.get(subcommand, {}).items():
            parser.add_argument(flag, type=str | None, default=None, help=text)
        return parser

    def add_arguments_to_parser(self, parser: LightningArgumentParser) -> None:
        """Add the flags of the run's name and the dashboard, and link the data to the model's tokenizer and the seed."""
        parser.add_argument(
            "--name",
            type=str | None,
            default=None,
            help="The run's name and folder (runs/NAME); default: the start time.",
        )
        parser.add_class_arguments(DashboardSettings, "wandb")
        # Lightning's parser would put a forced callback after the configuration's callbacks; this one must be first.
        parser.add_class_arguments(LastCheckpoint, "checkpoint", fail_untyped=False, instantiate=True)
        parser.link_arguments("model.tokenizer", "data.tokenizer", apply_on="instantiate")
        parser.link_arguments("seed_everything", "data.seed", compute_fn=int)

    def parse_arguments(self, parser: LightningArgumentParser, args: ArgsType) -> None:
        """Parse the completed arguments; Lightning's own method would warn that they differ from sys.argv."""
        self.config = parser.parse_args(self.words.completed)

    def read_checkpoint_settings(self) -> None:
        """Do nothing: Lightning would let a checkpoint's hyperparameters override flags, but ours hold none."""

    def before_instantiate_classes(self) -> None:
        """Check the configuration; set the run's folder, the precision, and whether to use the Hub."""
        config = self.config[self.subcommand]
        refuse_foreign_code(config, self.words.typed)
        check_trainer(config.trainer, os.environ, read_features())
        refuse_other_root(self.words.typed)
        leave_unreachable_hub(config)
        if path := config.get("ckpt_path"):
            config.ckpt_path = find_checkpoint(str(path), self.subcommand == "fit")
        self._append_once(config)
        check_settings(str(self.subcommand), config, self.runs)
        if config.data.get("predict_shard") is not None:
            config.data.predict_shard = spell_shard(config.data.predict_shard)
        if self.subcommand != "fit":
            asked = config.data.condition, config.data.format, config.get("ckpt_path"), config.model.base
            check_condition(str(self.subcommand), *asked)
        if self.subcommand == "show":
            config.trainer.logger, config.trainer.callbacks = False, None
            return
        folder = settle_folder(config, self.runs, self.words.typed)
        if not config.get("output"):  # which is the only file that is written
            shard = config.data.predict_shard if self.subcommand == "predict" else None
            self.claims.enter_context(claimed(folder, str(self.subcommand), self.words.typed, shard))
        if self.subcommand == "fit" and not self.words.begins_again:
            refuse_used(folder, config.get("ckpt_path"))
        config.name = folder.name
        was, config.trainer.default_root_dir = config.trainer.default_root_dir, str(folder)
        settle_dirpaths(config.trainer.callbacks or [], folder)
        if self.subcommand != "fit" and is_first_rank() and not config.trainer.fast_dev_run:
            keep_earlier(folder, str(self.subcommand), hide_secrets(self._settings_of(config)))
        own = folder if self.subcommand == "fit" else folder / str(self.subcommand)
        settle_folders(config.trainer.logger, "save_dir", was, own)
        settle_folders(config.trainer.profiler, "dirpath", was, own)
        if config.trainer.precision is None and not has_precision(config.trainer.plugins):
            config.trainer.precision = choose_precision(config.trainer.accelerator)

    def _append_once(self, config: Any) -> None:
        """Let `+=` change nothing where the run whose configuration is read already has what it appends."""
        files = [Path(file) for file in flag_values(self.words.completed, "--config")]
        run = find_run(config.get("ckpt_path")) or next(
            (file.parent for file in files if file.parent.parent == self.runs), None
        )
        if run is not None:
            drop_repeated(config, read_typed_settings(run), self._settings_of(config))

    def _settings_of(self, config: Any) -> dict[str, Any]:
        """Return a subcommand's configuration as plain values."""
        settings: dict[str, Any] = read_yaml(
            self.parser_of(str(self.subcommand)).dump(config, skip_unset=False)
        )
        return settings

    def instantiate_trainer(self, **kwargs: Any) -> pl.Trainer:
        """Log to metrics.csv, W&B and the loggers of `--trainer.logger`; write checkpoints atomically."""
        config = self.config_init[self.subcommand]
        given = config.trainer
        folder = Path(given.default_root_dir or ".")
        config.checkpoint.writes = given.enable_checkpointing is not False
        callbacks = choose_callbacks(
            given.callbacks or [],
            logs=given.logger is not False or self.subcommand == "show",  # which logs nothing anyway
            checkpoints=config.checkpoint.writes,
        )
        set_output(callbacks, config.get("output"))
        set_forward(callbacks, config.get("round_trip"), config.data.tasks)
        # LastCheckpoint must run before the configuration's callbacks, which may log in the same hooks.
        shown = terminal_callbacks(callbacks, str(self.subcommand), given.enable_progress_bar)
        kwargs["callbacks"] = [config.checkpoint, TrainingMemory(), OwnWeights(), *callbacks, *shown]
        kwargs["plugins"] = add_writer(given.plugins)
        kwargs["strategy"] = choose_strategy(given.strategy)
        if self.subcommand in ("predict", "show"):
            kwargs["logger"] = False
        elif given.logger is not False:
            if self.subcommand == "fit":
                csv = MetricsCSV(folder, resume=goes_on(config.ckpt_path, folder))
                kwargs["callbacks"].append(DashboardFacts())
            else:  # in a subfolder, to leave the fit's metrics.csv unchanged
                csv = MetricsCSV(folder / str(self.subcommand))
            kwargs["logger"] = join_loggers([csv, self._dashboard(folder)], given.logger)
        trainer = super().instantiate_trainer(**kwargs)
        trainer.callbacks.append(WholeSteps())  # type: ignore[attr-defined]  # after that of --trainer.max_time
        return trainer

    def instantiate_classes(self) -> None:
        """Make the data module, the model and the trainer; a configuration that Lightning refuses is told in one line."""
        with told_in_one_line():
            super().instantiate_classes()

    def before_fit(self) -> None:
        """Check the monitored metrics before anything is read or written."""
        scheduler = self.config[self.subcommand].model.get("scheduler")
        of_scheduler = (scheduler.get("init_args") or {}).get("monitor") if scheduler else None
        named = {SCHEDULER: of_scheduler} if of_scheduler is not None else {}
        callbacks = self.trainer.callbacks  # type: ignore[attr-defined]
        tasks = self.datamodule.task_names
        check_monitors({**monitors_of(callbacks), **named}, callbacks, self.model, tasks)

    def _dashboard(self, folder: Path) -> Any:
        config = self.config[self.subcommand]
        go_on = self.words.begins_again or goes_on(config.get("ckpt_path"), folder)
        dashboard = self.logger_class(
            save_dir=str(folder), name=folder.name, go_on=go_on, **config.wandb.as_dict()
        )
        dashboard.hold()  # until the rows have been read
        return dashboard
