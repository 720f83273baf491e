"""Guess a column's notation from its cells; the header is only a hint.

A notation takes part if its module has `looks_like(text)`, which says whether a cell is evidence for it. A notation without
it is tried by `is_valid`, and only if the header names it. A module may set `LEAST_SHARE`, the share of cells that must look
like it, whatever the header says.

The whole column tells the kind of the answers: few different values are choices, and numbers are numbers. Inputs that are
numbers stay text: `number` would rewrite 0.60, so the user has to ask for it.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from configs.lookup import find_name
from datamodules.choices import Choices, are_classes, order_options
from datamodules.notations.lookup import NOTATIONS, UNAMBIGUOUS, hint_notations, load_notation, name_notation
from datamodules.notations.number import choose_digits
from datamodules.notations.number import is_valid as is_number
from datamodules.rows.columns.cells import is_missing_number
from datamodules.sources.rows import Rows
from datamodules.storage import spill
from datamodules.tasks import Task
from datamodules.workers.guarded_worker import GuardedWorker

log = logging.getLogger(__name__)

CELLS = 200
"""Number of cells of a column that are checked, evenly spread."""
MOST_OPTIONS = 100
"""Most different values of a column that the user takes for classes."""
_NEVER = ("text", "number", "answer")
_SHARE, _HINTED_SHARE = (
    0.9,
    0.5,
)  # of the cells must look like a notation: without and with a hint of the header
_DIFFERENT, _SHORT = (
    3,
    2,
)  # without a hint, so many different cells must be longer than labels such as NO and ON
_ORDER = ("selfies", "phonemes", "reaction", "smiles", "polymer", "formula", "iupac", "ipa")  # breaks ties


@dataclass(frozen=True)
class Guess:
    """The notation that a column was taken for, and the evidence."""

    side: str
    """`input` or `output`."""
    column: str
    notation: str
    cells: int
    """Number of cells that were checked."""
    fitting: int
    """Number of cells that look like the notation; for text, like the notation that the header names."""
    hint: str | None = None
    """The notation that the header names."""
    rewritten: int = 0
    """Number of cells that the notation spells otherwise."""
    example: tuple[str, str] | None = None
    """One of them, before and after."""
    choices: tuple[str, ...] = ()
    """The different values of a column of classes."""
    digits: int | None = None
    """The digits behind the point that a column of numbers is rounded to."""
    numbers: float = 0.0
    """The share of numbers among the cells of a text column, if they are most of them."""

    @staticmethod
    def of(fields: Mapping[str, Any]) -> Guess:
        """Make a guess from its fields as JSON holds them."""
        example = fields["example"]
        choices = tuple(fields["choices"])
        return Guess(**{**fields, "choices": choices, "example": None if example is None else tuple(example)})

    @property
    def flag(self) -> str:
        """The flag that sets the notation."""
        return f"--data.{self.side}_notation"


def apply(task: Task, guesses: Sequence[Guess]) -> Task:
    """Return the task with what was guessed about its columns."""
    for guess in guesses:
        side = getattr(task, guess.side)
        if side.column == guess.column:
            side = replace(side, notation=guess.notation, digits=guess.digits)
            task = replace(task, **{guess.side: side})
            if guess.choices:
                shown = task.choices is not None and task.choices.shown
                task = replace(task, choices=Choices(guess.choices, auto=True, shown=shown))
    return task


def guess_from_rows(tasks: Sequence[Task], sides: Sequence[str], rows: Rows) -> list[Guess]:
    """Guess what the cells of the tasks' columns tell.

    Args:
        tasks: Tasks made of columns of one table, or with automatic choices.
        sides: Those of `input`, `output` and `kind` that are not given.
        rows: The table; a column that it lacks has no cells.

    Raises:
        ValueError: If a column has too many different values for choices.
    """
    guesses: dict[tuple[str, str], Guess] = {}
    with GuardedWorker() as worker:
        for task in tasks:
            for side in ("input", "output"):
                column = getattr(task, side).column
                guess = Guess(side, column, getattr(task, side).notation, 0, 0)
                if side in sides:
                    guess = guess_notation(side, column, sample_cells(rows, column), worker)
                automatic = task.choices is not None and task.choices.auto
                if side == "output" and "kind" in sides and (side in sides or automatic):
                    guess = guess_kind(guess, count_values(rows, column, whole=automatic), automatic)
                elif side not in sides:
                    continue
                guesses[side, column] = guess
    return list(guesses.values())


def count_values(rows: Rows, name: str, *, whole: bool = True) -> dict[str, int]:
    """Return how often each text stands in a column, without white space at its ends and without empty cells.

    Args:
        rows: The table.
        name: The column's name.
        whole: Whether all cells count; else those of a large table's upper part, if it holds too many different texts for
            classes, and not only numbers.
    """
    found = find_name(name, rows.table.column_names)
    if found is None:
        return {}
    column = rows.table.column(found)
    if pa.types.is_list(column.type) or pa.types.is_large_list(column.type):
        return {}
    totals: dict[str, int] = {}
    for start in range(0, len(column), spill.PART):
        cells = column.slice(start, spill.PART)
        texts = pc.utf8_trim_whitespace(cells.cast(pa.large_string()).drop_null())
        counts = pc.value_counts(texts.combine_chunks() if isinstance(texts, pa.ChunkedArray) else texts)
        pairs = zip(counts.field("values").to_pylist(), counts.field("counts").to_pylist(), strict=True)
        for text, count in pairs:
            if text and not is_missing_number(text):
                totals[text] = totals.get(text, 0) + count
        if not whole and len(totals) > MOST_OPTIONS and not all(map(_is_number_or_none, totals)):
            break
    numbers = {
        text: count for text, count in totals.items() if not is_missing_number(text, among_numbers=True)
    }
    return numbers if numbers and all(map(is_number, numbers)) else totals


def _is_number_or_none(text: str) -> bool:
    return is_number(text) or is_missing_number(text, among_numbers=True)


def guess_kind(guess: Guess, counts: Mapping[str, int], automatic: bool = False) -> Guess:
    """Return the guess about an output column with its choices, or as one of numbers, where its values say so.

    Args:
        guess: What 200 cells tell.
        counts: How often each value of the column occurs.
        automatic: Whether the user says that it holds classes.

    Raises:
        ValueError: If it holds too many different values for classes.
    """
    rows = sum(counts.values())
    if automatic and not 2 <= len(counts) <= MOST_OPTIONS:
        raise ValueError(
            f"Expected --data.choices auto for a column of 2 to {MOST_OPTIONS} different values, but {guess.column!r} holds "
            f"{len(counts):,}: leave it out, or list the choices."
        )
    if automatic or (guess.notation == "text" and are_classes(counts)):
        return replace(guess, notation="text", choices=order_options(counts), cells=rows, fitting=rows)
    if guess.notation == "text" and counts and all(is_number(text) for text in counts):
        return replace(guess, notation="number", digits=choose_digits(counts), cells=rows, fitting=rows)
    numbers = sum(count for text, count in counts.items() if is_number(text))
    return (
        replace(guess, numbers=numbers / rows) if guess.notation == "text" and 2 * numbers > rows else guess
    )


def sample_cells(rows: Rows, name: str) -> list[str]:
    """Return at most `CELLS` non-empty cells of a column, evenly spread; of a list, its first entry."""
    found = find_name(name, rows.table.column_names)
    if found is None or not rows.table.num_rows:
        return []
    column = rows.table.column(found)
    sparse = np.unique(np.linspace(0, len(column) - 1, 10 * CELLS).astype(np.int64))
    cells: list[str] = []
    for places in (sparse, np.arange(len(column))):  # the whole column if nearly all cells are empty
        cells = [_first_text(cell) for cell in column.take(pa.array(places)).to_pylist()]
        cells = [cell for cell in cells if cell]
        if len(cells) >= CELLS:
            break
    if not cells:
        return []
    return [cells[place] for place in np.unique(np.linspace(0, len(cells) - 1, CELLS).astype(int))]


def _first_text(cell: Any) -> str:
    first = (cell[0] if cell else None) if isinstance(cell, list) else cell
    return "" if first is None else str(first).strip()


def guess_notation(side: str, column: str, cells: Sequence[str], worker: GuardedWorker) -> Guess:
    """Guess what a column holds.

    Args:
        side: `input` or `output`.
        column: The header.
        cells: Some of its cells, none of them empty.
        worker: Calls notations in a process that can be killed.
    """
    if not cells:
        return Guess(side, column, name_notation(column), 0, 0)
    hints = hint_notations(column)
    names = sorted(set(NOTATIONS) - set(_NEVER), key=lambda name: ((*_ORDER, name).index(name), name))
    looking = {name: _find_looking(name, name in hints, cells, worker) for name in names}
    fitting = [name for name in names if _convinces(name, name in hints, looking[name], len(cells))]
    # The notation that most cells look like; of equal ones the one in the header, then the first.
    chosen = max(fitting, key=lambda name: (len(looking[name]), name in hints), default="text")
    hint = next(iter(hints), None)
    if not fitting and column.strip().casefold() in UNAMBIGUOUS and not _are_numbers(cells, worker):
        chosen = name_notation(
            column
        )  # its broken cells are skipped with a reason each, rather than learned as text
    of = len(looking.get(hint or "", ())) if chosen == "text" else len(looking[chosen])
    guess = Guess(side, column, chosen, len(cells), of, hint)
    return guess if chosen == "text" else _note_spelling(guess, looking[chosen], worker)


def _find_looking(name: str, hinted: bool, cells: Sequence[str], worker: GuardedWorker) -> list[str]:
    """Return the cells that look like a notation."""
    function = "looks_like" if hasattr(load_notation(name), "looks_like") else "is_valid"
    if function == "is_valid" and not hinted:
        return []
    values, _ = worker.map_together(name, function, [cells])
    return [cell for cell, value in zip(cells, values, strict=True) if value]


def _are_numbers(cells: Sequence[str], worker: GuardedWorker) -> bool:
    values, _ = worker.map_together("number", "is_valid", [cells])
    return sum(map(bool, values)) >= _SHARE * len(cells)


def _convinces(name: str, hinted: bool, looking: Sequence[str], total: int) -> bool:
    """Say whether enough of `total` cells look like a notation to take the column for it."""
    least = getattr(load_notation(name), "LEAST_SHARE", _HINTED_SHARE if hinted else _SHARE)
    if not looking or len(looking) < least * total:
        return False
    return hinted or len({cell for cell in looking if len(cell) > _SHORT}) >= _DIFFERENT


def _note_spelling(guess: Guess, cells: Sequence[str], worker: GuardedWorker) -> Guess:
    """Return the guess with the number of cells that the notation spells otherwise."""
    as_question = guess.side == "input" and hasattr(load_notation(guess.notation), "normalize_question")
    function = "normalize_question" if as_question else "normalize"
    values, _ = worker.map_together(guess.notation, function, [cells])
    other = [(cell, value) for cell, value in zip(cells, values, strict=True) if value not in (None, cell)]
    example = min(other, key=lambda pair: len(pair[0]), default=None)
    return replace(guess, rewritten=len(other), example=example)
