"""What a folder's work depends on, in a file: the same command goes on there, another one is refused."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any


def is_begun(path: Path, described: Mapping[str, Any], what: str, advice: str) -> bool:
    """Return whether a folder holds work of this plan; it does not if there is no plan.

    Args:
        path: The plan's file, in the folder.
        described: What the work depends on, as JSON holds it.
        what: What the folder is expected to hold, for people.
        advice: What to do if it holds something else.

    Raises:
        ValueError: If it holds work of another plan.
    """
    if not path.is_file():
        return False
    before = json.loads(path.read_text(encoding="utf-8"))
    if before != described:
        name = next(name for name in {**before, **described} if before.get(name) != described.get(name))
        raise ValueError(
            f"Expected {path.parent} to hold {what}, but its {name} is {before.get(name)!r} and not "
            f"{described.get(name)!r}: {advice}."
        )
    return True
