"""The command line up to where it would make things."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from callbacks.loggers.wandb_logger import DashboardLogger
from cli.patois_cli import PatoisCLI
from datamodules.sequence_task import SequenceTaskDataModule
from lightning_modules.causal_lm import CausalLM


class ParseOnly(PatoisCLI):
    """Parses, and neither makes nor runs anything."""

    def before_instantiate_classes(self) -> None:
        pass

    def instantiate_classes(self) -> None:
        pass

    def _run_subcommand(self, subcommand: str) -> None:
        pass


def parse(args: Sequence[str]) -> Any:
    """Return the configuration that `args` make, by subcommand."""
    return ParseOnly(CausalLM, SequenceTaskDataModule, logger_class=DashboardLogger, args=list(args)).config
