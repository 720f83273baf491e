"""The command line: Lightning's, with a folder for each run, our loggers, and one more subcommand, `show`."""

from __future__ import annotations

import logging
import os
import re
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import lightning.pytorch as pl
import torch
from jsonargparse import set_parsing_settings
from lightning.pytorch.cli import ArgsType, LightningArgumentParser, LightningCLI, SaveConfigCallback

from callbacks.metrics_csv import MetricsCSV
from configs.lookup import CONFIGS
from datamodules.tasks import guess_notation

RUN_NAME_VARIABLE = "PATOIS_RUN_NAME"
"""Tells the other ranks, which start the same command a moment later, the run's name."""


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


class SaveRunConfig(SaveConfigCallback):
    """Writes a fit's resolved configuration to the run's folder; other subcommands leave it as it is."""

    def setup(self, trainer: pl.Trainer, pl_module: pl.LightningModule, stage: str) -> None:
        """Write `config.yaml` before anything else happens."""
        if stage == "fit" and trainer.is_global_zero:
            folder = Path(trainer.default_root_dir)
            folder.mkdir(parents=True, exist_ok=True)
            self.parser.save(
                self.config, folder / "config.yaml", skip_unset=False, overwrite=True, multifile=False
            )


def find_run(ckpt_path: str | None) -> Path | None:
    """Return the run's folder that a checkpoint lies in (`<run>/checkpoints/x.ckpt`), if it has a config."""
    if not ckpt_path:
        return None
    folder = Path(ckpt_path).resolve().parent.parent
    return folder if (folder / "config.yaml").is_file() else None


def check_checkpoint(ckpt_path: str | None) -> None:
    """Raise ValueError for a checkpoint that does not exist; `last` and `best` are words that Lightning knows."""
    if ckpt_path and ckpt_path not in ("last", "best", "hpc") and not Path(ckpt_path).is_file():
        raise ValueError(
            f"--ckpt_path {ckpt_path!r} is not a file; a run's checkpoints are in runs/NAME/checkpoints."
        )


def flag_value(args: Sequence[str], flag: str) -> str | None:
    """Return what `--flag value` or `--flag=value` says, or None."""
    for place, arg in enumerate(args):
        if arg == flag and place + 1 < len(args):
            return args[place + 1]
        if arg.startswith(f"{flag}="):
            return arg.split("=", 1)[1]
    return None


def choose_precision(accelerator: str) -> str:
    """Return `bf16-mixed` where a GPU computes it and `32-true` elsewhere: a CPU without bf16 units is 300 times slower in it."""
    gpu = accelerator in ("auto", "gpu", "cuda") and torch.cuda.is_available()
    return "bf16-mixed" if gpu and torch.cuda.is_bf16_supported(including_emulation=False) else "32-true"


def make_run_folder(name: str | None, root: Path) -> Path:
    """Return the folder of this run, the same on every rank: `root/<name>`, by default named after the time."""
    name = name or os.environ.get(RUN_NAME_VARIABLE)
    if name is None:
        shared = os.environ.get("TORCHELASTIC_RUN_ID") or os.environ.get("SLURM_JOB_ID")
        name = f"job-{shared}" if shared not in (None, "none") else _new_name(root)
    if not re.fullmatch(r"[\w.+-]+", name) or name in (".", ".."):
        raise ValueError(
            f"Expected --name to be letters, digits and . _ + -, since it names a folder, but got {name!r}."
        )
    os.environ[RUN_NAME_VARIABLE] = name
    return root / name


def _new_name(root: Path) -> str:
    """Return a name after the time, and make its folder, so that no run started in the same second takes it too."""
    stamp = time.strftime("%Y%m%d-%H%M%S")
    for name in (stamp, *(f"{stamp}-{number}" for number in range(2, 1000))):
        try:
            (root / name).mkdir(parents=True)
        except FileExistsError:
            continue
        return name
    raise AssertionError("a thousand runs in one second")


class PatoisCLI(LightningCLI):
    """`fit`, `validate`, `test`, `predict` and `show` over one model class and one data module class."""

    def __init__(self, *args: Any, logger_class: type, runs: Path = Path("runs"), **kwargs: Any) -> None:
        """Keep the dashboard's class and where runs lie, then parse and run as LightningCLI does."""
        self.logger_class, self.runs = logger_class, runs
        set_parsing_settings(docstring_parse_attribute_docstrings=True)
        defaults = {"default_config_files": [str(CONFIGS / "default.yaml")]}
        super().__init__(  # type: ignore[misc]
            *args,
            trainer_class=Trainer,
            save_config_callback=SaveRunConfig,
            seed_everything_default=0,
            parser_kwargs={
                "prog": "python train.py",
                "description": "Fine-tune a small decoder language model on pairs. `make fit` runs `fit` as it stands.",
                **dict.fromkeys(self.subcommands(), defaults),
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

    def add_arguments_to_parser(self, parser: LightningArgumentParser) -> None:
        """Add the run's name and the dashboard's flags, and tie the data to the model's tokenizer and the seed."""
        parser.add_argument(
            "--name",
            type=str | None,
            default=None,
            help="The run's name and folder (runs/NAME); default: the time.",
        )
        parser.add_class_arguments(DashboardSettings, "wandb")
        parser.link_arguments("model.tokenizer", "data.tokenizer", apply_on="instantiate")
        parser.link_arguments("seed_everything", "data.seed", compute_fn=int)

    def parse_arguments(self, parser: LightningArgumentParser, args: ArgsType) -> None:
        """Put a run's own configuration before the flags when a checkpoint of that run is given."""
        words = [str(arg) for arg in (sys.argv[1:] if args is None else args)]  # type: ignore[union-attr]
        run = find_run(flag_value(words, "--ckpt_path"))
        if run is not None and words and words[0] in self.subcommands():
            words[1:1] = ["--config", str(run / "config.yaml")]
        # Not Lightning's own method: it warns about words that differ from sys.argv, as these do on purpose.
        self.config = parser.parse_args(words)

    def _parse_ckpt_path(self) -> None:
        """Lightning would let a checkpoint's hyperparameters win over flags here; ours has none, and flags win."""

    def before_instantiate_classes(self) -> None:
        """Settle the run's folder and the precision."""
        config = self.config[self.subcommand]
        check_checkpoint(config.get("ckpt_path"))
        run = find_run(config.get("ckpt_path"))
        for side in ("input", "output"):
            # Written out, so that predicting from another table, whose column is called otherwise, keeps the notation.
            if (
                config.data.task is None
                and config.data[f"{side}_column"]
                and not config.data[f"{side}_notation"]
            ):
                config.data[f"{side}_notation"] = guess_notation(config.data[f"{side}_column"])
        if self.subcommand == "show":
            config.trainer.logger, config.trainer.callbacks = False, None
            return
        folder = run or make_run_folder(config.name, self.runs)
        config.name = folder.name
        config.trainer.default_root_dir = str(folder)
        for callback in config.trainer.callbacks or []:
            if callback.class_path.endswith("Checkpoint") and callback.init_args.get("dirpath") is None:
                callback.init_args.dirpath = str(folder / "checkpoints")
        if config.trainer.precision is None:
            config.trainer.precision = choose_precision(config.trainer.accelerator)

    def instantiate_trainer(self, **kwargs: Any) -> pl.Trainer:
        """Log to metrics.csv and W&B in the run's folder, unless `--trainer.logger` says otherwise."""
        config = self.config_init[self.subcommand]
        folder = Path(config.trainer.default_root_dir or ".")
        if config.trainer.logger in (None, True):
            if self.subcommand == "fit":
                kwargs["logger"] = [
                    MetricsCSV(folder, resume=config.ckpt_path is not None),
                    self._dashboard(folder),
                ]
            elif self.subcommand == "predict":
                kwargs["logger"] = False
            else:  # beside the fit's metrics.csv, which Lightning's logger would replace
                kwargs["logger"] = [
                    MetricsCSV(folder / str(self.subcommand)),
                    self._dashboard(folder),
                ]
        return super().instantiate_trainer(**kwargs)

    def _run_subcommand(self, subcommand: str) -> None:
        """Run, and then forget the run's name, so that the next run of this process gets its own."""
        try:
            super()._run_subcommand(subcommand)
        finally:
            os.environ.pop(RUN_NAME_VARIABLE, None)

    def _dashboard(self, folder: Path) -> Any:
        options = self.config[self.subcommand].wandb.as_dict()
        return self.logger_class(save_dir=str(folder), name=folder.name, **options)


def silence_noise() -> None:
    """Hide library warnings that a user of this program can do nothing about."""
    import warnings

    for text in (
        ".*does not have many workers.*",
        ".*isinstance.treespec, LeafSpec.*",
        ".*Found .* module.s. in eval mode at the start of training.*",
        ".*The number of training batches .* is smaller than the logging interval.*",
    ):
        warnings.filterwarnings("ignore", message=text)
    logging.getLogger("lightning.pytorch.utilities.rank_zero").addFilter(
        lambda record: "litlogger" not in record.getMessage() and "Tip:" not in record.getMessage()
    )
