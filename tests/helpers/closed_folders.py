"""Folders that may not be written to, also for tests that run as root, who may write anywhere."""

from __future__ import annotations

import os
from pathlib import Path

import pytest


def close(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let a folder and all below it look as if they belonged to somebody else."""
    access = os.access

    def is_allowed(path: str | Path, mode: int) -> bool:
        inside = Path(path).absolute().is_relative_to(folder.absolute())
        return not (inside and mode & os.W_OK) and access(path, mode)

    monkeypatch.setattr(os, "access", is_allowed)
