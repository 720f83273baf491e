"""What this program is called, and the commands that it shows: as the user types them, to copy."""

from __future__ import annotations

import shlex
import sys
from pathlib import Path

PROGRAM = "python train.py"
"""The program's name in a checkout."""


def program_name(path: str) -> str:
    """Return the program's name as the user typed it.

    Args:
        path: Path of the running script, as in `sys.argv[0]`; a subcommand may stand behind it.

    Examples:
        >>> program_name("/home/me/.venv/bin/patois"), program_name("patois compare"), program_name("train.py")
        ('patois', 'patois', 'python train.py')
    """
    name = (Path(path).name.split() or [""])[0]
    return "patois" if name in ("patois", "patois.exe") else PROGRAM


def spell(*words: object, program: str | None = None) -> str:
    """Return a command of this program, each word quoted where a shell needs it.

    Args:
        words: The words after the program's name.
        program: The program's name; default: as the user typed it.

    Examples:
        >>> spell("test", "--ckpt_path", Path("my runs/a"), program="patois")
        "patois test --ckpt_path 'my runs/a'"
    """
    return f"{program or program_name(sys.argv[0])} {shlex.join(str(word) for word in words)}"
