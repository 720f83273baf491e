"""What the cells of a table hold beside a task's texts: titles behind a SMILES, words for missing numbers."""

from __future__ import annotations

import re
from collections.abc import Collection
from typing import NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from datamodules.notations.lookup import load_notation
from datamodules.storage.text_columns import TextColumn
from datamodules.tasks import Side
from datamodules.workers.worker_pool import WorkerPool

_NUMBER = r"^[+-]?(?:\d+(?:[.,]\d*)?|[.,]\d+)(?:[eE][+-]?\d+)?$"
_WORDS = "(?i:[+-]?nan|nat|#n/a|<na>)"  # not NA, which can be a label
_MISSING, _AMONG_NUMBERS = f"^{_WORDS}$", f"^(?:{_WORDS}|NA|N/A|n/a)$"  # R writes NA


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


class Rewritten(NamedTuple):
    """How many rows of a side lost or changed what people may want to know of."""

    titles: int = 0
    """Rows that lost what stood behind a SMILES."""
    formulas: int = 0
    """Rows whose formula was rewritten."""
    example: str = ""
    """The first of these formulas, before and after."""

    def join(self, other: Rewritten) -> Rewritten:
        """Return the counts of these rows and of those below them."""
        titles, formulas = self.titles + other.titles, self.formulas + other.formulas
        return Rewritten(titles, formulas, self.example or other.example)


NOTHING = Rewritten()


def count_rewritten(
    side: Side,
    raw: TextColumn,
    stripped: pa.LargeStringArray,
    values: pa.LargeStringArray,
    unusable: Collection[int],
) -> Rewritten:
    """Count the rows that lost what stood behind a SMILES, and those whose formula was rewritten.

    Args:
        side: The side.
        raw: (N,) the cells.
        stripped: The different cells without titles.
        values: The different cells in the side's notation.
        unusable: The different cells that cannot be used, by their places; they lost no title.
    """
    titles = 0
    if stripped is not raw.values:
        lost = pc.not_equal(raw.values, stripped).to_numpy(zero_copy_only=False).copy()
        lost[list(unusable)] = False
        titles = int(lost[raw.codes].sum())
    if side.notation != "formula" or side.convert_from:
        return Rewritten(titles)
    changed = pc.not_equal(raw.values, values).to_numpy(zero_copy_only=False)
    place = int(changed.argmax()) if len(changed) else 0
    example = f"{raw.values[place].as_py()} to {values[place].as_py()}" if changed.any() else ""
    return Rewritten(titles, int(changed[raw.codes].sum()), example)


def describe_rewritten(name: str, side: Side, rewritten: Rewritten) -> tuple[str, ...]:
    """Return what was changed, for people: a linear formula (CH3CH2OH) says more than its atoms."""
    notes: tuple[str, ...] = ()
    if count := rewritten.titles:
        what = "a title or a drawing hint (CXSMILES) after the SMILES, which is left out"
        notes += (f"{side.column}: {count:,} {'row has' if count == 1 else 'rows have'} {what}",)
    if count := rewritten.formulas:
        such = f"such as {rewritten.example}; --data.{name}_notation text keeps the column as it is"
        notes += (f"{side.column}: {count:,} formulas are rewritten in Hill order, {such}",)
    return notes


def is_missing_number(text: str, among_numbers: bool = False) -> bool:
    """Return whether a text is a word for a missing number, as pandas and Excel write it; among numbers also as R does.

    Examples:
        >>> is_missing_number("nan"), is_missing_number("NA"), is_missing_number("NA", among_numbers=True)
        (True, False, True)
    """
    return re.search(_AMONG_NUMBERS if among_numbers else _MISSING, text) is not None


class Numbers(NamedTuple):
    """What a column holds beside words: the whole of it decides whether `nan` is a word like others."""

    some: bool = False
    """Whether a cell is a number."""
    only: bool = True
    """Whether each cell is a number, a word for a missing one, or empty."""

    def join(self, texts: pa.LargeStringArray) -> Numbers:
        """Return the same of these cells and of those below them."""
        number = pc.match_substring_regex(texts, _NUMBER)
        others = pc.or_(pc.or_(number, pc.match_substring_regex(texts, _AMONG_NUMBERS)), pc.equal(texts, ""))
        some, only = pc.any(number).as_py(), pc.all(others).as_py()
        return Numbers(self.some or some is True, self.only and only is not False)


def find_missing_numbers(
    name: str, texts: pa.LargeStringArray, numbers: Numbers | None = None
) -> dict[int, str]:
    """Return the words for a missing number among texts that are all numbers; elsewhere they are words like others.

    Args:
        name: The side's name.
        texts: Cells.
        numbers: What the whole column holds, of which these are a part; by default these are all.
    """
    known = Numbers().join(texts) if numbers is None else numbers
    if not known.some or not known.only:
        return {}
    found = np.flatnonzero(pc.match_substring_regex(texts, _AMONG_NUMBERS))
    return {int(place): f"empty {name} ({texts[int(place)].as_py()!r} among numbers)" for place in found}
