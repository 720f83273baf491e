"""What Lightning keeps to itself and this program needs: each in a function or method here, and nowhere else.

Lightning may rename any of it in any release. The tests of this module fail when it does.
"""

from __future__ import annotations

import subprocess
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from lightning.fabric.plugins.environments import ClusterEnvironment
from lightning.pytorch import Trainer
from lightning.pytorch.cli import LightningArgumentParser, LightningCLI
from lightning.pytorch.loggers import WandbLogger
from lightning.pytorch.strategies.launchers import subprocess_script

ProcessObserver = Callable[[Sequence["subprocess.Popen[bytes]"]], None]


def find_environment(trainer: Trainer) -> ClusterEnvironment:
    """Return how the ranks of a run were started; a strategy tells it only if it has more than one rank."""
    environment: ClusterEnvironment = trainer._accelerator_connector.cluster_environment
    return environment


def validates_by_time(trainer: Trainer) -> bool:
    """Return whether `val_check_interval` is a time; `Trainer.val_check_interval` is then not set at all."""
    untyped: Any = trainer
    return untyped._val_check_time_interval is not None


def end_restart(trainer: Trainer) -> None:
    """Let the fit loop forget that it began from a checkpoint; the public setter would tell the loops in it, too."""
    trainer.fit_loop._restarting = False


@contextmanager
def replaced_process_observer(observer: ProcessObserver) -> Iterator[None]:
    """Let `observer` watch over the ranks that Lightning's launcher starts, in place of Lightning's own observer."""
    launcher: Any = subprocess_script
    before = launcher._launch_process_observer
    launcher._launch_process_observer = observer
    try:
        yield
    finally:
        launcher._launch_process_observer = before


def find_wandb_run(logger: WandbLogger) -> Any:
    """Return the W&B run that a logger has open, or None."""
    return logger._experiment


def keep_wandb_run(logger: WandbLogger, run: Any) -> None:
    """Let a logger write to a W&B run; None makes it open one."""
    logger._experiment = run


def find_wandb_arguments(logger: WandbLogger) -> dict[str, Any]:
    """Return what a logger gives to `wandb.init`; what is changed in it counts."""
    return logger._wandb_init


def is_offline(logger: WandbLogger) -> bool:
    """Return whether a logger's run is written to the disk only."""
    return logger._offline


def leave_online(logger: WandbLogger) -> None:
    """Let a logger write its next run to the disk only."""
    logger._offline = True


def is_attached(logger: WandbLogger) -> bool:
    """Return whether a logger is a copy of one in another process, whose run it is to write to."""
    return getattr(logger, "_attach_id", None) is not None


class OpenCLI(LightningCLI):
    """LightningCLI with two of its private steps made public, so that a subclass may replace them."""

    def make_subcommand_parser(
        self, trainer_class: type, subcommand: str, **kwargs: Any
    ) -> LightningArgumentParser:
        """Return the parser of a subcommand with all its arguments."""
        return super()._prepare_subcommand_parser(trainer_class, subcommand, **kwargs)

    def read_checkpoint_settings(self) -> None:
        """Let the hyperparameters that a checkpoint holds win over the flags."""
        super()._parse_ckpt_path()

    def _prepare_subcommand_parser(
        self, klass: type, subcommand: str, **kwargs: Any
    ) -> LightningArgumentParser:
        return self.make_subcommand_parser(klass, subcommand, **kwargs)

    def _parse_ckpt_path(self) -> None:
        self.read_checkpoint_settings()
