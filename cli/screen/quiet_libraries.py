"""Keeps what libraries say off the terminal where a user can do nothing about it."""

from __future__ import annotations

import logging
import os
import sys
import warnings

from callbacks.loggers.terminal import say

_WARNINGS = (
    ".*does not have many workers.*",
    ".*isinstance.treespec, LeafSpec.*",
    ".*Found .* module.s. in eval mode at the start of training.*",
    ".*The number of training batches .* is smaller than the logging interval.*",
    ".*your dataloader is not resumable.*",  # our batches are a function of the step
    ".*need to be provided during `Trainer` instantiation.*BestCheckpoint.*",  # of other tasks another headline chooses
    ".*The dirpath has changed from .*",  # a moved run's best checkpoint is found where it lies
    ".*Checkpoint directory .* exists and is not empty.*",  # only for a resumed run; others are refused
)
_LINES = (
    "Seed set to", "Using bfloat16 Automatic", "Using 16bit Automatic", "GPU available:", "TPU available:", "HPU available:",
    "`Trainer", "Restoring states from", "Restored all states", "Loaded model weights from", "LOCAL_RANK:",
    "Initializing distributed:", "-----", "distributed_backend=", "All distributed processes registered",
    "You are using a CUDA device", "Trainer already configured", "\U0001f4a1", "Tip:",
)  # fmt: skip
"""Beginnings of Lightning's lines; what of it matters stands in the first line of a run, and in its config.yaml."""


class _LineHandler(logging.Handler):
    """Prints log records as whole lines on the standard error of the moment, above a progress line."""

    def emit(self, record: logging.LogRecord) -> None:
        """Print a record, unless it is one of `_LINES`."""
        text = record.getMessage().strip()
        if not text.startswith(_LINES) and "litlogger" not in text and "Tip:" not in text:
            say(text, error=True)


def _show_warning(message: Warning | str, category: type[Warning], *_: object, **__: object) -> None:
    """Print a warning as a line, without the place in a library that gave it."""
    say(f"Warning: {' '.join(str(message).split())}", error=True, style="yellow")


def show_warnings_as_lines() -> None:
    """Print Python's warnings as other lines are."""
    warnings.showwarning = _show_warning


def quiet_environment() -> dict[str, str]:
    """Return the environment variables that keep bars of downloads out of files; set them before the libraries load."""
    return {} if sys.stderr.isatty() else {"HF_HUB_DISABLE_PROGRESS_BARS": "1"}


def silence_libraries() -> None:
    """Hide library warnings, lines and bars that users of this program cannot act on; print the others as whole lines."""
    from transformers.utils import logging as transformers_logging

    for text in _WARNINGS:
        warnings.filterwarnings("ignore", message=text)
    transformers_logging.disable_progress_bar()
    if "TRANSFORMERS_VERBOSITY" not in os.environ:
        transformers_logging.set_verbosity_error()
    for name in ("lightning.pytorch", "lightning.fabric"):
        logging.getLogger(name).handlers = [_LineHandler()]
