"""What the cells of a table hold beside a task's texts: titles behind a SMILES, words for missing numbers."""

from __future__ import annotations

import re
from collections.abc import Collection

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from datamodules.notations.lookup import load_notation
from datamodules.storage.text_columns import TextColumn
from datamodules.tasks import Side
from datamodules.workers.worker_pool import WorkerPool

_NUMBER = r"^[+-]?(?:\d+(?:[.,]\d*)?|[.,]\d+)(?:[eE][+-]?\d+)?$"
_MISSING = r"(?i)^(?:[+-]?nan|nat|#n/a|<na>)$"  # not NA, which can be a label


def strip_titles(
    side: Side, texts: pa.LargeStringArray, pool: WorkerPool
) -> tuple[pa.LargeStringArray, dict[int, str]]:
    """Return the texts without what files of molecules have behind a SMILES, and where that cannot go the reason."""
    notation = side.convert_from or side.notation
    longer = np.flatnonzero(pc.match_substring_regex(texts, r"\s"))
    if not len(longer) or not hasattr(load_notation(notation), "strip_title"):
        return texts, {}
    answers = pool.map(notation, "strip_title", texts.take(pa.array(longer)))
    mask = np.zeros(len(texts), dtype=bool)
    mask[longer] = True
    stripped = pc.replace_with_mask(texts, pa.array(mask), answers.or_else(texts.take(pa.array(longer))))
    return stripped, {
        int(longer[place]): error.removeprefix("ValueError: ") for place, error in answers.errors.items()
    }


def note_titles(
    side: Side, raw: TextColumn, stripped: pa.LargeStringArray, unusable: Collection[int]
) -> tuple[str, ...]:
    """Say how many rows lost what stood behind a SMILES; of a text that cannot be used it was none, by its place."""
    if stripped is raw.values:
        return ()
    lost = pc.not_equal(raw.values, stripped).to_numpy(zero_copy_only=False).copy()
    lost[list(unusable)] = False
    count = int(lost[raw.codes].sum())
    what = "a title or a drawing hint (CXSMILES) after the SMILES, which is left out"
    return (f"{side.column}: {count:,} {'row has' if count == 1 else 'rows have'} {what}",) if count else ()


def note_formulas(name: str, side: Side, raw: TextColumn, values: pa.LargeStringArray) -> tuple[str, ...]:
    """Say how many formulas were rewritten: a linear formula (CH3CH2OH) says more than its atoms."""
    changed = pc.not_equal(raw.values, values).to_numpy(zero_copy_only=False)
    count = int(changed[raw.codes].sum()) if side.notation == "formula" and not side.convert_from else 0
    if not count:
        return ()
    place = int(changed.argmax())
    example = f"{raw.values[place].as_py()} to {values[place].as_py()}"
    keep = f"--data.{name}_notation text keeps the column as it is"
    return (f"{side.column}: {count:,} formulas are rewritten in Hill order, such as {example}; {keep}",)


def is_missing_number(text: str) -> bool:
    """Return whether a text is a word for a missing number, as pandas and Excel write it.

    Examples:
        >>> is_missing_number("nan"), is_missing_number("NA")
        (True, False)
    """
    return re.search(_MISSING, text) is not None


def find_missing_numbers(name: str, texts: pa.LargeStringArray) -> dict[int, str]:
    """Return the words for a missing number among texts that are all numbers; elsewhere they are words like others."""
    number = pc.match_substring_regex(texts, _NUMBER)
    missing = pc.match_substring_regex(texts, _MISSING)
    others = pc.or_(pc.or_(number, missing), pc.equal(texts, ""))
    if not pc.any(missing).as_py() or not pc.any(number).as_py() or not pc.all(others).as_py():
        return {}
    found = np.flatnonzero(missing)
    return {int(place): f"empty {name} ({texts[int(place)].as_py()!r} among numbers)" for place in found}
