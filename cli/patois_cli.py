"""The command line: Lightning's, with a folder for each run, our loggers, and one more subcommand, `show`."""

from __future__ import annotations

import logging
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NoReturn

import lightning.pytorch as pl
from jsonargparse import set_parsing_settings
from lightning.pytorch.cli import ArgsType, LightningArgumentParser, LightningCLI

from callbacks.loggers.metrics_csv import MetricsCSV
from callbacks.run.checkpoint_io import CheckpointWriter
from callbacks.run.last_checkpoint import LastCheckpoint
from cli.argv import asks_flagship, base_rate, flag_value
from cli.class_allowlist import allow_imports, explain_denial, refuse_foreign_code
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
from cli.strategy_check import refuse_sharding
from configs.lookup import CONFIGS


@dataclass
class DashboardSettings:
    """Weights & Biases. Without a key or a network the run is logged offline; `wandb sync` sends it later."""

    project: str = "patois"
    """Project that the run belongs to."""
    entity: str | None = None
    """User or team; default: the key's own."""
    group: str | None = None
    """Runs that belong together, e.g. the seeds of one setting."""
    tags: list[str] = field(default_factory=list)
    """Words to find the run by."""
    offline: bool = False
    """Log to the run's folder only."""


class Trainer(pl.Trainer):
    """Lightning's trainer with `show`, which prints what the model sees instead of training on it."""

    def show(self, model: pl.LightningModule, datamodule: pl.LightningDataModule, rows: int = 3) -> None:
        """Print rendered training rows with their supervised tokens marked.

        Args:
            model: The model; its weights are not loaded.
            datamodule: The data module.
            rows: How many rows.
        """
        datamodule.setup("fit")
        for text in datamodule.preview(rows):  # type: ignore[attr-defined]
            sys.stdout.write(text + "\n")


def _words(args: ArgsType) -> list[str]:
    """Return the words of a command line; those of this process if none are given."""
    return [str(arg) for arg in (sys.argv[1:] if args is None else args)]  # type: ignore[union-attr]


class Parser(LightningArgumentParser):
    """A parser whose error is the error alone: the usage of 100 flags before it would push it off the screen."""

    def error(self, message: str, ex: Exception | None = None) -> NoReturn:
        """Print what was wrong and where the flags are listed, and exit with status 2."""
        command = self.prog.replace(" [options]", "")
        self.exit(2, f"error: {explain_denial(message)}\nSee `{command} --help`.\n")


class PatoisCLI(LightningCLI):
    """`fit`, `validate`, `test`, `predict` and `show` over one model class and one data module class."""

    def __init__(self, *args: Any, logger_class: type, runs: Path = Path("runs"), **kwargs: Any) -> None:
        """Keep the dashboard's class and where runs lie, then parse and run as LightningCLI does."""
        self.logger_class, self.runs = logger_class, runs
        self.words, self.begins_again = _words(kwargs.get("args")), False
        set_parsing_settings(docstring_parse_attribute_docstrings=True)
        allow_imports()
        read_old_class_paths()
        defaults = {"default_config_files": [str(CONFIGS / "default.yaml")]}
        with one_run(self.runs):
            super().__init__(  # type: ignore[misc]
                *args,
                trainer_class=Trainer,
                parser_class=Parser,
                save_config_callback=SaveRunConfig,
                seed_everything_default=0,
                parser_kwargs={
                    "prog": "python train.py",
                    "allow_abbrev": False,  # `--model.bas` would be the base, but without the base's learning rate
                    "description": "Fine-tune a small decoder language model on pairs. `make fit` runs `fit` as it stands.",
                    **{name: dict(defaults) for name in self.subcommands()},
                },
                # Checkpoints hold no hyperparameters: the run's config.yaml does, and a flag wins over it.
                load_from_checkpoint_support=False,
                auto_configure_optimizers=False,  # --model.optimizer is the one place; two would contradict each other
                **kwargs,
            )

    @staticmethod
    def subcommands() -> dict[str, set[str]]:
        """Add `show` to Lightning's subcommands."""
        return {**LightningCLI.subcommands(), "show": {"model", "datamodule"}}

    def _prepare_subcommand_parser(
        self, klass: type, subcommand: str, **kwargs: Any
    ) -> LightningArgumentParser:
        """Read the signatures and docstrings of all classes only for the subcommand that runs.

        It takes 0.4 s of processor time for each, a tenth of what importing PyTorch and Lightning takes.
        """
        asked = next((word for word in self.words if word in self.subcommands()), subcommand)
        if asked != subcommand:
            return self.init_parser(description=kwargs.get("description"))
        parser = super()._prepare_subcommand_parser(klass, subcommand, **kwargs)
        if subcommand in ("validate", "test"):
            # Lightning's table has a line for each of some hundred metrics, their names cut; RunSummary prints its own.
            parser.set_defaults(verbose=False)
        return parser

    def add_arguments_to_parser(self, parser: LightningArgumentParser) -> None:
        """Add the run's name and the dashboard's flags, and tie the data to the model's tokenizer and the seed."""
        parser.add_argument(
            "--name",
            type=str | None,
            default=None,
            help="The run's name and folder (runs/NAME); default: the time.",
        )
        parser.add_class_arguments(DashboardSettings, "wandb")
        parser.add_lightning_class_args(LastCheckpoint, "checkpoint")  # last.ckpt
        parser.link_arguments("model.tokenizer", "data.tokenizer", apply_on="instantiate")
        parser.link_arguments("seed_everything", "data.seed", compute_fn=int)

    def parse_arguments(self, parser: LightningArgumentParser, args: ArgsType) -> None:
        """Put before the flags a run's own configuration, when its checkpoint is given, or else the base's learning rate."""
        words = [rename_class_paths(word) for word in resolve_keyword(_words(args), self.runs)]
        given = flag_value(words, "--ckpt_path")
        self.begins_again = given is None and flag_value(_words(args), "--ckpt_path") is not None
        run = find_run(given)
        if run is not None and words and words[0] in self.subcommands():
            words[1:1] = ["--config", str(run / "config.yaml")]
        elif asks_flagship(words):
            words[1:1] = ["--config", str(CONFIGS / "flagship.yaml"), "--model.base", "flagship"]
        elif words and words[0] in self.subcommands() and (rate := base_rate(words)) is not None:
            words[1:1] = ["--model.optimizer.lr", str(rate)]  # before the flags and files, which win
        # Not Lightning's own method: it warns about words that differ from sys.argv, as these do on purpose.
        self.config = parser.parse_args(words)

    def _parse_ckpt_path(self) -> None:
        """Lightning would let a checkpoint's hyperparameters win over flags here; ours has none, and flags win."""

    def before_instantiate_classes(self) -> None:
        """Settle the run's folder, the precision, and whether there is a Hub."""
        config = self.config[self.subcommand]
        refuse_foreign_code(config, self.words)
        refuse_sharding(config.trainer.strategy)
        refuse_other_root(self.words)
        check_checkpoint(config.get("ckpt_path"))
        leave_unreachable_hub(config)
        if self.subcommand == "show":
            config.trainer.logger, config.trainer.callbacks = False, None
            return
        folder = settle_folder(config, self.runs)
        if self.subcommand == "fit":
            refuse_used(folder, config.get("ckpt_path"))
        config.name = folder.name
        config.trainer.default_root_dir = str(folder)
        for callback in config.trainer.callbacks or []:
            if callback.class_path.endswith("Checkpoint") and callback.init_args.get("dirpath") is None:
                callback.init_args.dirpath = str(folder / "checkpoints")
        if config.trainer.precision is None:
            config.trainer.precision = choose_precision(config.trainer.accelerator)

    def instantiate_trainer(self, **kwargs: Any) -> pl.Trainer:
        """Log to metrics.csv and W&B in the run's folder, unless `--trainer.logger` says otherwise; write checkpoints whole."""
        config = self.config_init[self.subcommand]
        if config.trainer.plugins is None:
            kwargs["plugins"] = [CheckpointWriter()]
        folder = Path(config.trainer.default_root_dir or ".")
        if config.trainer.logger in (None, True):
            if self.subcommand == "fit":
                csv = MetricsCSV(folder, resume=goes_on(config.ckpt_path, folder))
                kwargs["logger"] = [csv, self._dashboard(folder)]
            elif self.subcommand == "predict":
                kwargs["logger"] = False
            else:  # beside the fit's metrics.csv, which Lightning's logger would replace
                kwargs["logger"] = [MetricsCSV(folder / str(self.subcommand)), self._dashboard(folder)]
        return super().instantiate_trainer(**kwargs)

    def _instantiate_trainer(self, config: dict[str, Any], callbacks: list[Any]) -> pl.Trainer:
        """Put our own callback before those of the configuration: it must come before those that log."""
        config["callbacks"] = [*callbacks, *(config["callbacks"] or [])]
        return super()._instantiate_trainer(config, [])

    def _dashboard(self, folder: Path) -> Any:
        config = self.config[self.subcommand]
        go_on = self.begins_again or goes_on(config.get("ckpt_path"), folder)
        return self.logger_class(
            save_dir=str(folder), name=folder.name, go_on=go_on, **config.wandb.as_dict()
        )


def silence_noise() -> None:
    """Hide library warnings that a user of this program can do nothing about."""
    import warnings

    for text in (
        ".*does not have many workers.*",
        ".*isinstance.treespec, LeafSpec.*",
        ".*Found .* module.s. in eval mode at the start of training.*",
        ".*The number of training batches .* is smaller than the logging interval.*",
        ".*your dataloader is not resumable.*",  # our batches are a function of the step
        ".*Checkpoint directory .* exists and is not empty.*",  # a run that goes on; any other is refused
    ):
        warnings.filterwarnings("ignore", message=text)
    logging.getLogger("lightning.pytorch.utilities.rank_zero").addFilter(
        lambda record: "litlogger" not in record.getMessage() and "Tip:" not in record.getMessage()
    )
