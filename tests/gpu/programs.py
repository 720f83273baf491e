"""Programs of ours, started as a user starts them."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from tests.helpers.runs import PROJECT


def start(words: list[str], folder: Path, **environment: str) -> subprocess.Popen[str]:
    """Start a program of ours; its output goes where this process's goes."""
    return subprocess.Popen(
        [sys.executable, *words], cwd=folder, text=True,
        env={
            **os.environ, "PYTHONPATH": str(PROJECT), "WANDB_MODE": "disabled", "CUBLAS_WORKSPACE_CONFIG": ":4096:8",
            **environment,
        },
    )  # fmt: skip


def finish(process: subprocess.Popen[str]) -> None:
    """Wait for a program that has to succeed."""
    if process.wait():
        raise RuntimeError(f"{process.args!r} ended with code {process.returncode}.")
