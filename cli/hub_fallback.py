"""Use the local cache when the Hugging Face Hub is unreachable."""

from __future__ import annotations

import os
import sys
from typing import Any

from huggingface_hub import constants

from callbacks.loggers.wandb_logger import is_reachable
from cli.run_folder import is_first_rank
from lightning_modules.decoder.bases import resolve_base


def needs_hub(config: Any) -> bool:
    """Return whether a subcommand's configuration names a base or table on the Hub."""
    data = config.data
    tables = (data.source, data.val_source, data.test_source, data.predict_path)
    return (
        any(str(table).startswith("hf://") for table in tables)
        or not resolve_base(config.model.base).is_local
    )


def leave_unreachable_hub(config: Any) -> None:
    """Check once whether the Hub answers; if it does not, use only this machine's cache.

    By default, huggingface_hub requests each file six times with growing pauses: a minute passes before the error for an
    id that is not in the cache. Its number of retries cannot be set.
    """
    if constants.HF_HUB_OFFLINE or not needs_hub(config) or is_reachable(constants.ENDPOINT):
        return
    constants.HF_HUB_OFFLINE = True
    os.environ["HF_HUB_OFFLINE"] = "1"  # for the processes of other ranks
    if is_first_rank():
        sys.stderr.write(f"{constants.ENDPOINT} could not be reached; only this machine's cache is used.\n")
