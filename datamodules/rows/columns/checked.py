"""A column's cells in their notation, and why some cannot be used; each different cell is looked at once."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from datamodules.notations.lookup import load_notation
from datamodules.rows.columns.cells import (
    NOTHING,
    Numbers,
    Rewritten,
    count_rewritten,
    find_missing_numbers,
    strip_titles,
)
from datamodules.storage.text_columns import TextColumn
from datamodules.tasks import Side
from datamodules.tokens.control_tokens import ControlTokens
from datamodules.workers.worker_pool import WorkerPool


@dataclass(frozen=True)
class CheckedCells:
    """One side's column, checked string by string."""

    raw: TextColumn
    values: TextColumn
    """In the side's notation; as it came where it is not valid."""
    reasons: dict[int, str]
    """Why a row cannot be used, by its place in the table."""
    rewritten: Rewritten = NOTHING
    """What was changed in them."""


def check_cells(
    name: str,
    side: Side,
    cells: TextColumn,
    verified: bool,
    forbidden: ControlTokens,
    pool: WorkerPool,
    numbers: Numbers | None = None,
) -> CheckedCells:
    """Return a side's cells in its notation, and why some cannot be used; each different string is looked at once."""
    raw = cells.map(pc.utf8_trim_whitespace)
    texts, reasons, rewritten = raw.values, dict[int, str](), NOTHING
    if not verified:
        texts, reasons = strip_titles(side, texts, pool)
    values, invalid = _normalize(name, side, texts, verified, pool)
    reasons = {**invalid, **reasons}
    if not verified:
        rewritten = count_rewritten(side, raw, texts, values, reasons)
        reasons = {**reasons, **find_missing_numbers(name, raw.values, numbers)}
    held = forbidden.find(raw.values)
    if values is not raw.values:
        held = {**forbidden.find(values), **held}
    for code, token in held.items():
        reasons.setdefault(code, f"{name} holds the special token {token!r}")
    for number in np.flatnonzero(pc.equal(raw.values, "")):
        reasons[int(number)] = f"empty {name}"
    places: dict[int, str] = {}
    if reasons:
        bad = np.zeros(len(raw.values), dtype=bool)
        bad[list(reasons)] = True
        rows = np.flatnonzero(bad[raw.codes])
        for row, code in zip(rows.tolist(), raw.codes[rows].tolist(), strict=True):
            places[row] = f"{side.column}: {reasons[code]}"
    normalized = TextColumn.of(values)
    return CheckedCells(raw, TextColumn(normalized.values, normalized.codes[raw.codes]), places, rewritten)


def _normalize(
    name: str, side: Side, texts: pa.LargeStringArray, verified: bool, pool: WorkerPool
) -> tuple[pa.LargeStringArray, dict[int, str]]:
    """Return the texts in the side's notation, and for those that are not valid the reason."""
    if side.convert_from:
        function = f"from_{side.convert_from}"
        if not hasattr(load_notation(side.notation), function):
            raise ValueError(
                f"The notation {side.notation!r} cannot be made from {side.convert_from!r}: it has no {function}()."
            )
    elif verified or side.notation == "text":
        return texts, {}
    else:
        function = "normalize"
        if name == "input" and hasattr(load_notation(side.notation), "normalize_question"):
            function = "normalize_question"
    answers = pool.map(side.notation, function, texts)
    reasons = {number: error.removeprefix("ValueError: ") for number, error in answers.errors.items()}
    return answers.or_else(texts), reasons


def guarded_map(notation: str, function: str, column: TextColumn, pool: WorkerPool) -> TextColumn:
    """Return a notation's function of each text; the text itself where it fails or takes too long."""
    return column.map(lambda texts: pool.map(notation, function, texts).or_else(texts))
