"""Fine-tune a small decoder language model on pairs: `python train.py fit | validate | test | predict | show`."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence

from callbacks.secrets import hide_in_output
from configs.endings import ending_of
from configs.help import saved_help
from configs.threads import thread_settings


def run(words: Sequence[str]) -> None:
    """Run a command line; what loads PyTorch, Lightning and Transformers is imported here, and not for `--help`."""
    os.environ.update(thread_settings())
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
    hide_in_output(words)
    try:
        run(words)
    except (ValueError, OSError) as error:
        if (ending := ending_of(error)) is None:
            raise
        line, status = ending
        if status == 1:
            sys.exit(line)
        sys.stderr.write(f"{line}\n")
        sys.exit(status)


if __name__ == "__main__":
    main()
