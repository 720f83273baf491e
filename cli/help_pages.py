"""Saved help pages: `python train.py fit --help` answers at once, without loading PyTorch.

Building the page takes seconds, since Lightning and all classes must be imported for it. The pages are written
by `make help-pages` to `configs/help/`, and a test holds them equal to what the command line really takes.
"""

from __future__ import annotations

from collections.abc import Sequence

from configs.lookup import CONFIGS

FOLDER = CONFIGS / "help"
FLAGS = ("-h", "--help")


def saved_help(args: Sequence[str]) -> str | None:
    """Return the saved page that `args` ask for, or None when they ask for anything else."""
    if len(args) not in (1, 2) or args[-1] not in FLAGS:
        return None
    path = FOLDER / f"{args[0] if len(args) == 2 else 'train'}.txt"
    return path.read_text(encoding="utf-8") if path.is_file() else None
