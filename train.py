"""Fine-tune a small decoder language model on pairs: `python train.py fit | validate | test | predict | show`."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from pathlib import Path

from configs.help import saved_help

OWN_FOLDERS = ("lightning_modules", "datamodules", "callbacks", "configs")


def is_users_error(error: ValueError) -> bool:
    """Whether our own code raised the error, so that its message is all that the user needs."""
    trace = error.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    here = Path(__file__).resolve().parent
    path = Path(trace.tb_frame.f_code.co_filename) if trace is not None else here
    return (
        any(path.is_relative_to(here / folder) for folder in OWN_FOLDERS)
        and "PATOIS_TRACEBACK" not in os.environ
    )


def run(words: Sequence[str]) -> None:
    """Run a command line; what loads PyTorch, Lightning and Transformers is imported here, and not for `--help`."""
    # Idle OpenMP threads sleep instead of spinning: with one of two cores busy, spinning cost a factor of 27.
    os.environ.setdefault("OMP_WAIT_POLICY", "passive")
    from callbacks.wandb_logger import DashboardLogger
    from configs.cli import PatoisCLI, silence_noise
    from configs.ranks import end_together
    from datamodules.sequence_task import SequenceTaskDataModule
    from lightning_modules.causal_lm import CausalLM

    silence_noise()
    with end_together():
        PatoisCLI(CausalLM, SequenceTaskDataModule, logger_class=DashboardLogger, args=words)


def main(args: Sequence[str] | None = None) -> None:
    """Answer `--help` from the saved pages, run anything else, and show a user's error as one line.

    Args:
        args: Words of the command line; default `sys.argv[1:]`.
    """
    words = list(sys.argv[1:] if args is None else args)
    if (text := saved_help(words)) is not None:
        sys.stdout.write(text)
        return
    try:
        run(words)
    except ValueError as error:
        if not is_users_error(error):
            raise
        sys.exit(f"error: {error}")


if __name__ == "__main__":
    main()
