"""Access to Lightning's private attributes and methods, one function or method each; no other module uses them.

Lightning may rename any of them in any release. The tests of this module then fail.
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
from lightning.pytorch.strategies import ModelParallelStrategy
from lightning.pytorch.strategies.launchers import subprocess_script

ProcessObserver = Callable[[Sequence["subprocess.Popen[bytes]"]], None]


def find_environment(trainer: Trainer) -> ClusterEnvironment:
    """Return the cluster environment that started the ranks; a strategy exposes it only for more than one rank."""
    environment: ClusterEnvironment = trainer._accelerator_connector.cluster_environment
    return environment


def validates_by_time(trainer: Trainer) -> bool:
    """Return whether `val_check_interval` is a time; Lightning then does not set `Trainer.val_check_interval`."""
    untyped: Any = trainer
    return untyped._val_check_time_interval is not None


def end_restart(trainer: Trainer) -> None:
    """Clear the fit loop's restart flag; the public setter would also change the loops inside it."""
    trainer.fit_loop._restarting = False


def validation_is_due(trainer: Trainer) -> bool:
    """Return whether a validation runs now by its cadence; Lightning also runs one where `should_stop` ends an epoch early."""
    loop = trainer.fit_loop
    asked, trainer.should_stop = trainer.should_stop, False
    try:
        return loop.epoch_loop._should_check_val_fx(loop._data_fetcher)  # type: ignore[arg-type]
    finally:
        trainer.should_stop = asked


def is_epoch_cut(trainer: Trainer) -> bool:
    """Return whether training has left an epoch before its last batch: the run ends there."""
    loop = trainer.fit_loop
    left = loop.epoch_progress.current.processed > loop.epoch_progress.current.completed  # type: ignore[attr-defined]
    return left and not loop.epoch_loop._num_ready_batches_reached()


@contextmanager
def replaced_process_observer(observer: ProcessObserver) -> Iterator[None]:
    """Make `observer` watch the ranks that Lightning's launcher starts, instead of Lightning's own observer."""
    launcher: Any = subprocess_script
    before = launcher._launch_process_observer
    launcher._launch_process_observer = observer
    try:
        yield
    finally:
        launcher._launch_process_observer = before


def set_data_parallel_size(strategy: ModelParallelStrategy, size: int) -> None:
    """Set the number of ranks among which a strategy shares out, which is known only after it is made."""
    strategy._data_parallel_size = size


def find_wandb_run(logger: WandbLogger) -> Any:
    """Return a logger's open W&B run, or None."""
    return logger._experiment


def keep_wandb_run(logger: WandbLogger, run: Any) -> None:
    """Set the W&B run that a logger writes to; None makes it open one."""
    logger._experiment = run


def find_wandb_arguments(logger: WandbLogger) -> dict[str, Any]:
    """Return a logger's arguments of `wandb.init`; changes to the returned dict take effect."""
    return logger._wandb_init


def is_offline(logger: WandbLogger) -> bool:
    """Return whether a logger writes its run to disk only."""
    return logger._offline


def leave_online(logger: WandbLogger) -> None:
    """Make a logger write its next run to disk only."""
    logger._offline = True


def is_attached(logger: WandbLogger) -> bool:
    """Return whether a logger is attached to the run of a logger in another process."""
    return getattr(logger, "_attach_id", None) is not None


class OpenCLI(LightningCLI):
    """LightningCLI with three private methods made public, so that a subclass can call or override them."""

    def make_subcommand_parser(
        self, trainer_class: type, subcommand: str, **kwargs: Any
    ) -> LightningArgumentParser:
        """Return the parser of a subcommand with all its arguments."""
        return super()._prepare_subcommand_parser(trainer_class, subcommand, **kwargs)

    def parser_of(self, subcommand: str) -> LightningArgumentParser:
        """Return the parser of a subcommand."""
        return super()._parser(subcommand)

    def read_checkpoint_settings(self) -> None:
        """Make a checkpoint's hyperparameters override the flags."""
        super()._parse_ckpt_path()

    def _prepare_subcommand_parser(
        self, klass: type, subcommand: str, **kwargs: Any
    ) -> LightningArgumentParser:
        return self.make_subcommand_parser(klass, subcommand, **kwargs)

    def _parse_ckpt_path(self) -> None:
        self.read_checkpoint_settings()
