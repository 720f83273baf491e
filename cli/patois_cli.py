"""The command line: LightningCLI with a folder per run, this program's loggers, and one more subcommand, `show`."""

from __future__ import annotations

import logging
import os
import sys
from collections.abc import Container, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple, NoReturn

import lightning.pytorch as pl
from jsonargparse import set_parsing_settings
from lightning.pytorch.cli import ArgsType, LightningArgumentParser

from callbacks.lightning_private import OpenCLI
from callbacks.loggers.metrics_csv import MetricsCSV
from callbacks.metrics.monitor_check import check_monitors, monitors_of
from callbacks.run.last_checkpoint import LastCheckpoint
from callbacks.run.training_memory import TrainingMemory
from cli.argv import asks_flagship, base_rate, flag_value
from cli.class_allowlist import allow_imports, explain_denial, refuse_foreign_code
from cli.help_pages import program_name
from cli.hub_fallback import leave_unreachable_hub
from cli.old_class_paths import read_old_class_paths, rename_class_paths
from cli.precision import choose_precision
from cli.run_folder import (
    check_checkpoint,
    find_run,
    goes_on,
    one_run,
    refuse_other_root,
    refuse_used,
    resolve_keyword,
    settle_folder,
)
from cli.save_config import SaveRunConfig
from cli.trainer.checks import check_trainer
from cli.trainer.errors import told_in_one_line
from cli.trainer.parts import (
    add_writer,
    choose_callbacks,
    has_precision,
    join_loggers,
    settle_defaults,
    settle_dirpaths,
    settle_folders,
)
from cli.trainer.support import explain_name, read_features
from configs.lookup import CONFIGS
from datamodules.sequence_task import SequenceTaskDataModule
from datamodules.tasks import guess_notation


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
        datamodule.setup("fit")
        for text in datamodule.preview(rows):
            sys.stdout.write(text + "\n")


class Words(NamedTuple):
    """The arguments of a command line."""

    typed: list[str]
    """As the user typed them."""
    completed: list[str]
    """With implied arguments added: the file that `last` means, a run's own configuration, the base's learning rate."""
    begins_again: bool
    """Whether `--ckpt_path` was given but the run has no checkpoint yet, so that it restarts in its folder."""


def complete_words(typed: Sequence[str], runs: Path, subcommands: Container[str]) -> Words:
    """Insert before the flags the configuration of a checkpoint's run, or else the base's learning rate.

    Args:
        typed: The arguments of a command line.
        runs: The folder of all runs.
        subcommands: All subcommands; arguments that start with none of them stay unchanged.

    Raises:
        ValueError: If `--ckpt_path` refers to a run or a checkpoint that does not exist.
    """
    args = [rename_class_paths(arg) for arg in resolve_keyword(typed, runs)]
    given = flag_value(args, "--ckpt_path")
    run = find_run(given)
    if run is not None and args and args[0] in subcommands:
        args[1:1] = ["--config", str(run / "config.yaml")]
    elif asks_flagship(args):
        args[1:1] = ["--config", str(CONFIGS / "flagship.yaml"), "--model.base", "flagship"]
    elif args and args[0] in subcommands and (rate := base_rate(args)) is not None:
        args[1:1] = ["--model.optimizer.lr", str(rate)]  # before the flags and files, which override it
    return Words(list(typed), args, given is None and flag_value(typed, "--ckpt_path") is not None)


def write_out_notations(data: Any) -> None:
    """Write guessed notations into the data's settings, so that they also hold for a table with other column names."""
    for side in ("input", "output"):
        if data.task is None and data[f"{side}_column"] and not data[f"{side}_notation"]:
            data[f"{side}_notation"] = guess_notation(data[f"{side}_column"])


class Parser(LightningArgumentParser):
    """A parser that prints an error without the usage: its 100 flags would push the error off the screen."""

    def add_class_arguments(self, *args: Any, **kwargs: Any) -> Any:
        """Add a class's arguments with defaults that a configuration can hold."""
        added = super().add_class_arguments(*args, **kwargs)
        settle_defaults(self._actions)
        return added

    def error(self, message: str, ex: Exception | None = None) -> NoReturn:
        """Print the error and the command that lists all flags; exit with status 2."""
        command = self.prog.replace(" [options]", "")
        self.exit(
            2, f"error: {explain_denial(explain_name(message, read_features()))}\nSee `{command} --help`.\n"
        )


class PatoisCLI(OpenCLI):
    """`fit`, `validate`, `test`, `predict` and `show` for one model class and one data module class."""

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
        set_parsing_settings(docstring_parse_attribute_docstrings=True)
        allow_imports()
        read_old_class_paths()
        defaults = {"default_config_files": [str(CONFIGS / "default.yaml")]}
        with one_run(self.runs):
            self.words = complete_words(sys.argv[1:] if args is None else args, self.runs, self.subcommands())
            super().__init__(
                model_class,
                datamodule_class,
                args=self.words.completed,
                trainer_class=Trainer,
                parser_class=Parser,
                save_config_callback=SaveRunConfig,
                seed_everything_default=0,
                parser_kwargs={
                    "prog": program_name(sys.argv[0]),
                    "allow_abbrev": False,  # `--model.bas` would set the base, but not the base's learning rate
                    "description": "Fine-tune a small decoder language model on pairs. `make fit` runs `fit` with defaults.",
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
        running = next((arg for arg in self.words.typed if arg in self.subcommands()), subcommand)
        if running != subcommand:
            return self.init_parser(description=kwargs.get("description"))
        parser = super().make_subcommand_parser(trainer_class, subcommand, **kwargs)
        if subcommand in ("validate", "test"):
            # Lightning's table has a line for each of about a hundred metrics, with cut names; RunSummary prints its own.
            parser.set_defaults(verbose=False)
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
        check_checkpoint(config.get("ckpt_path"))
        leave_unreachable_hub(config)
        write_out_notations(config.data)
        if self.subcommand == "show":
            config.trainer.logger, config.trainer.callbacks = False, None
            return
        folder = settle_folder(config, self.runs)
        if self.subcommand == "fit":
            refuse_used(folder, config.get("ckpt_path"))
        config.name = folder.name
        was, config.trainer.default_root_dir = config.trainer.default_root_dir, str(folder)
        settle_dirpaths(config.trainer.callbacks or [], folder)
        own = folder if self.subcommand == "fit" else folder / str(self.subcommand)
        settle_folders(config.trainer.logger, "save_dir", was, own)
        settle_folders(config.trainer.profiler, "dirpath", was, own)
        if config.trainer.precision is None and not has_precision(config.trainer.plugins):
            config.trainer.precision = choose_precision(config.trainer.accelerator)

    def instantiate_trainer(self, **kwargs: Any) -> pl.Trainer:
        """Log to metrics.csv, W&B and the loggers of `--trainer.logger`; write checkpoints atomically."""
        config = self.config_init[self.subcommand]
        given = config.trainer
        folder = Path(given.default_root_dir or ".")
        config.checkpoint.writes = given.enable_checkpointing is not False
        callbacks = choose_callbacks(
            given.callbacks or [], logs=given.logger is not False, checkpoints=config.checkpoint.writes
        )
        # LastCheckpoint must run before the configuration's callbacks, which may log in the same hooks.
        kwargs["callbacks"] = [config.checkpoint, TrainingMemory(), *callbacks]
        kwargs["plugins"] = add_writer(given.plugins)
        if self.subcommand in ("predict", "show"):
            kwargs["logger"] = False
        elif given.logger is not False:
            if self.subcommand == "fit":
                csv = MetricsCSV(folder, resume=goes_on(config.ckpt_path, folder))
            else:  # in a subfolder, to leave the fit's metrics.csv unchanged
                csv = MetricsCSV(folder / str(self.subcommand))
            kwargs["logger"] = join_loggers([csv, self._dashboard(folder)], given.logger)
        return super().instantiate_trainer(**kwargs)

    def instantiate_classes(self) -> None:
        """Make the data module, the model and the trainer; a configuration that Lightning refuses is told in one line."""
        with told_in_one_line():
            super().instantiate_classes()

    def before_fit(self) -> None:
        """Check the monitored metrics before anything is read or written."""
        scheduler = self.config[self.subcommand].model.get("scheduler")
        of_scheduler = (scheduler.get("init_args") or {}).get("monitor") if scheduler else None
        named = {"--model.scheduler": of_scheduler} if of_scheduler is not None else {}
        callbacks = self.trainer.callbacks  # type: ignore[attr-defined]
        tasks = self.datamodule.task_names
        check_monitors({**monitors_of(callbacks), **named}, callbacks, self.model, tasks)

    def _dashboard(self, folder: Path) -> Any:
        config = self.config[self.subcommand]
        go_on = self.words.begins_again or goes_on(config.get("ckpt_path"), folder)
        return self.logger_class(
            save_dir=str(folder), name=folder.name, go_on=go_on, **config.wandb.as_dict()
        )


def silence_noise() -> None:
    """Hide library warnings that users of this program cannot act on."""
    import warnings

    for text in (
        ".*does not have many workers.*",
        ".*isinstance.treespec, LeafSpec.*",
        ".*Found .* module.s. in eval mode at the start of training.*",
        ".*The number of training batches .* is smaller than the logging interval.*",
        ".*your dataloader is not resumable.*",  # our batches are a function of the step
        ".*Checkpoint directory .* exists and is not empty.*",  # only for a resumed run; others are refused
    ):
        warnings.filterwarnings("ignore", message=text)
    logging.getLogger("lightning.pytorch.utilities.rank_zero").addFilter(
        lambda record: "litlogger" not in record.getMessage() and "Tip:" not in record.getMessage()
    )
