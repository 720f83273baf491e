"""The Hugging Face Hub, when it is not there."""

from __future__ import annotations

import os
import sys
from typing import Any

from huggingface_hub import constants

from callbacks.loggers.wandb_logger import is_reachable
from cli.run_folder import is_first_rank
from lightning_modules.decoder.bases import resolve_base


def needs_hub(config: Any) -> bool:
    """Return whether a subcommand's configuration names a base or a table on the Hub."""
    data = config.data
    tables = (data.source, data.val_source, data.test_source, data.predict_path)
    return (
        any(str(table).startswith("hf://") for table in tables)
        or not resolve_base(config.model.base).is_local
    )


def leave_unreachable_hub(config: Any) -> None:
    """Ask once whether the Hub answers, and take what is needed of it from this machine's cache if it does not.

    Left alone, huggingface_hub asks for each file six times with growing pauses, a minute before the error of an id that
    is not in the cache. Its number of retries cannot be set.
    """
    if constants.HF_HUB_OFFLINE or not needs_hub(config) or is_reachable(constants.ENDPOINT):
        return
    constants.HF_HUB_OFFLINE = True
    os.environ["HF_HUB_OFFLINE"] = "1"  # for the processes of other ranks
    if is_first_rank():
        sys.stderr.write(f"{constants.ENDPOINT} could not be reached: using this machine's cache only.\n")
