"""Whether a file can be written, asked before the work whose result it is to hold."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path


def find_obstacle(folder: Path) -> str | None:
    """Return why no file can be written to a folder, which may have to be made first, or None; nothing is left behind.

    Examples:
        >>> find_obstacle(Path("/dev/null/answers"))
        '/dev/null is no folder'
    """
    place = folder.expanduser().absolute()
    while not os.path.exists(place) and place != place.parent:  # False also where one may not look
        place = place.parent
    if not place.is_dir():
        return f"{place} is no folder"
    if not os.access(place, os.W_OK | os.X_OK):
        return f"{place} may not be written to"
    try:
        with tempfile.TemporaryFile(dir=place):
            return None
    except OSError:  # such as /proc, which anybody seems to have access to
        return f"{place} may not be written to"


def check_file(flag: str, path: Path) -> None:
    """Raise ValueError if a flag's file cannot be written; a folder that is missing would be made.

    Args:
        flag: The flag as it is typed.
        path: Its file.
    """
    if os.path.isdir(path.expanduser()):
        raise ValueError(f"{flag} {path}: expected a file, but this is a folder.")
    if obstacle := find_obstacle(path.expanduser().parent):
        raise ValueError(
            f"{flag} {path}: expected a file that can be written, but {obstacle}: name one in a folder of your own."
        )
