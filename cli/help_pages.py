"""Saved help pages: `python train.py fit --help` answers at once, without loading PyTorch.

Building the page takes seconds, since Lightning and all classes must be imported for it. The pages are written
by `make help-pages` to `configs/help/`, and a test holds them equal to what the command line really takes.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from configs.lookup import CONFIGS

FOLDER = CONFIGS / "help"
FLAGS = ("-h", "--help")
PROGRAM = "python train.py"
"""What the saved pages call the program."""


def program_name(path: str) -> str:
    """Return what a person typed to get here.

    Args:
        path: Of the file that runs, as in `sys.argv[0]`.

    Examples:
        >>> program_name("/home/me/.venv/bin/patois"), program_name("train.py")
        ('patois', 'python train.py')
    """
    return "patois" if Path(path).name in ("patois", "patois.exe") else PROGRAM


def rename_program(page: str, program: str) -> str:
    r"""Return a page for a program of another name, the lines of its usage still below each other.

    Examples:
        >>> print(rename_program("usage: python train.py fit [-c CONFIG]\n                           [--name NAME]", "patois"))
        usage: patois fit [-c CONFIG]
                          [--name NAME]
    """
    usage, blank, rest = page.partition("\n\n")
    indent = " " * max(0, len(PROGRAM) - len(program))
    return (
        usage.replace(f"\n{indent}", "\n").replace(PROGRAM, program) + blank + rest.replace(PROGRAM, program)
    )


def saved_help(args: Sequence[str], program: str = PROGRAM) -> str | None:
    """Return the saved page that `args` ask for, or None when they ask for anything else.

    Args:
        args: The words of the command line.
        program: What the page calls the program.
    """
    if len(args) not in (1, 2) or args[-1] not in FLAGS:
        return None
    path = FOLDER / f"{args[0] if len(args) == 2 else 'train'}.txt"
    return rename_program(path.read_text(encoding="utf-8"), program) if path.is_file() else None
