"""What the cells of a table hold beside a task's texts: words for missing numbers."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

_NUMBER = r"^[+-]?(?:\d+(?:[.,]\d*)?|[.,]\d+)(?:[eE][+-]?\d+)?$"
_MISSING = r"(?i)^(?:[+-]?nan|nat|#n/a|<na>)$"  # not NA, which can be a label


def find_missing_numbers(name: str, texts: pa.LargeStringArray) -> dict[int, str]:
    """Return the words for a missing number among texts that are all numbers; elsewhere they are words like others."""
    number = pc.match_substring_regex(texts, _NUMBER)
    missing = pc.match_substring_regex(texts, _MISSING)
    others = pc.or_(pc.or_(number, missing), pc.equal(texts, ""))
    if not pc.any(missing).as_py() or not pc.any(number).as_py() or not pc.all(others).as_py():
        return {}
    found = np.flatnonzero(missing)
    return {int(place): f"empty {name} ({texts[int(place)].as_py()!r} among numbers)" for place in found}
