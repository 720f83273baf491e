"""Which notation a column holds where nobody says so: its cells decide, its header is a hint where they leave a choice.

A notation takes part when its module has `looks_like(text)`, which says whether a cell speaks for it; one without is tried,
by `is_valid`, where the header names it. `LEAST_SHARE` (cells that must look like it, whatever the header is) and
`EACH_CELL_TELLS` (few different cells are evidence enough) are optional.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pyarrow as pa

from configs.lookup import find_name
from datamodules.notations.lookup import NOTATIONS, hint_notations, load_notation
from datamodules.sources.rows import Rows, shown
from datamodules.tasks import Task
from datamodules.workers.guarded_worker import GuardedWorker

log = logging.getLogger(__name__)

CELLS = 200
"""Cells of a column that are looked at, evenly spread."""
_SHARE, _HINTED_SHARE = 0.9, 0.5  # of the cells that must look like a notation, and where the header names it
_DIFFERENT, _SHORT = 3, 2  # without a hint so many different cells, none as short as labels such as NO and ON
_ORDER = ("number", "selfies", "phonemes", "smiles", "formula", "iupac")  # of equal ones the first


@dataclass(frozen=True)
class Guess:
    """What a column was taken for, and why."""

    side: str
    """`input` or `output`."""
    column: str
    notation: str
    looked_at: int
    """Cells; 0 where there was none, so that only the header was left."""
    fitting: int
    """Cells that look like the notation; for text those that look like what the header hints at."""
    different: int
    """Different cells among those that were looked at."""
    hint: str | None = None
    """The notation that the header hints at."""
    rewritten: int = 0
    """Cells that stand in another way in the notation's normal form."""
    example: tuple[str, str] | None = None
    """One of them, before and after."""

    @staticmethod
    def of(fields: Mapping[str, Any]) -> Guess:
        """Make a guess of what `asdict` and JSON have made of one."""
        example = fields["example"]
        return Guess(**{**fields, "example": None if example is None else tuple(example)})

    @property
    def flag(self) -> str:
        """The flag that says another notation."""
        return f"--data.{self.side}_notation"


def apply(task: Task, guesses: Sequence[Guess]) -> Task:
    """Return the task with the notations that its columns were taken for."""
    for guess in guesses:
        task = replace(task, **{guess.side: replace(getattr(task, guess.side), notation=guess.notation)})
    return task


def guess_from_rows(task: Task, sides: Sequence[str], rows: Rows) -> list[Guess]:
    """Guess the notations of a task's sides from the cells of their columns.

    Args:
        task: A task of two columns.
        sides: Those of `input` and `output` that nobody gave a notation for.
        rows: The table. A column that it does not have has no cells.
    """
    columns = [(side, getattr(task, side).column) for side in sides]
    with GuardedWorker() as worker:
        return [guess_notation(side, column, sample_cells(rows, column), worker) for side, column in columns]


def sample_cells(rows: Rows, name: str) -> list[str]:
    """Return at most `CELLS` cells of a column that are not empty, evenly spread; of a list the first entry."""
    found = find_name(name, rows.table.column_names)
    if found is None or not rows.table.num_rows:
        return []
    column = rows.table.column(found)
    # Tenfold, as cells may be empty; a column that is nearly so is read as a whole.
    for places in (
        np.unique(np.linspace(0, len(column) - 1, 10 * CELLS).astype(np.int64)),
        np.arange(len(column)),
    ):
        cells = [_first_text(cell) for cell in column.take(pa.array(places)).to_pylist()]
        cells = [cell for cell in cells if cell]
        if len(cells) >= CELLS:
            break
    return (
        [cells[place] for place in np.unique(np.linspace(0, len(cells) - 1, CELLS).astype(int))]
        if cells
        else []
    )


def _first_text(cell: Any) -> str:
    first = (cell[0] if cell else None) if isinstance(cell, list) else cell
    return "" if first is None else str(first).strip()


def guess_notation(side: str, column: str, cells: Sequence[str], worker: GuardedWorker) -> Guess:
    """Guess what a column holds.

    Args:
        side: `input` or `output`.
        column: The header.
        cells: Some of its cells, none empty.
        worker: Asks notations, in a process that can be killed.
    """
    hints = hint_notations(column)
    looking = {
        name: _find_looking(name, name in hints, cells, worker)
        for name in sorted(NOTATIONS, key=lambda name: (*_ORDER, name).index(name))
    }
    fitting = [name for name, found in looking.items() if _convinces(name, name in hints, found, len(cells))]
    # Of those that as many cells look like, the one that the header hints at, and then the first.
    chosen = max(fitting, key=lambda name: (len(looking[name]), name in hints), default="text")
    hint = next(iter(hints), None)
    exactly = column.strip().casefold() == hint
    if not fitting and hint and (not cells or (exactly and not hasattr(load_notation(hint), "LEAST_SHARE"))):
        chosen = hint  # its broken cells are told one by one, rather than learned as text
    of = len(looking[hint if chosen == "text" and hint else chosen])
    guess = Guess(side, column, chosen, len(cells), of, len(set(cells)), hint)
    return guess if chosen == "text" else _look_at_spelling(guess, looking[chosen], worker)


def _find_looking(name: str, hinted: bool, cells: Sequence[str], worker: GuardedWorker) -> list[str]:
    """Return the cells that look like a notation."""
    module = load_notation(name)
    asked = "looks_like" if hasattr(module, "looks_like") else "is_valid" if hinted else None
    if asked is None or name == "text" or not cells:
        return []
    values, _ = worker.map_together(name, asked, [cells])
    return [cell for cell, value in zip(cells, values, strict=True) if value]


def _convinces(name: str, hinted: bool, looking: Sequence[str], total: int) -> bool:
    """Say whether so many of `total` cells look like a notation that a column can be taken for it."""
    module = load_notation(name)
    least = getattr(module, "LEAST_SHARE", _HINTED_SHARE if hinted else _SHARE)
    if not looking or len(looking) < least * total:
        return False
    telling = {cell for cell in looking if len(cell) > _SHORT}
    return hinted or getattr(module, "EACH_CELL_TELLS", False) or len(telling) >= _DIFFERENT


def _look_at_spelling(guess: Guess, cells: Sequence[str], worker: GuardedWorker) -> Guess:
    """Return the guess with how many cells the notation spells in another way."""
    function = "normalize_cell" if hasattr(load_notation(guess.notation), "normalize_cell") else "normalize"
    values, _ = worker.map_together(guess.notation, function, [cells])
    other = [(cell, value) for cell, value in zip(cells, values, strict=True) if value not in (None, cell)]
    return replace(
        guess, rewritten=len(other), example=min(other, key=lambda pair: len(pair[0]), default=None)
    )


def describe(guesses: Sequence[Guess]) -> str:
    """Return what columns were taken for, and the flags that say otherwise, as one line."""
    return f"Read off the cells: {'; '.join(map(_describe_one, guesses))}. To change it: " + ", ".join(
        f"{guess.flag} NAME" for guess in guesses
    )


def _describe_one(guess: Guess) -> str:
    if not guess.looked_at:
        return f"{guess.column!r} is taken for {guess.notation} by its header, as there are no cells"
    hinted = guess.notation == "text" and guess.hint
    facts = [f"{guess.fitting} of {guess.looked_at} cells look like {guess.hint}" if hinted else ""]
    if guess.notation != "text":
        facts = [f"{guess.fitting} of {guess.looked_at} cells"]
    if guess.notation == "number" and guess.different <= 10:
        facts.append(f"{guess.different} different")
    if guess.example is not None:
        before, after = map(shown, guess.example)
        facts.append(f"{guess.rewritten} are rewritten, as {before} to {after}")
    said = ", ".join(filter(None, facts))
    return f"{guess.column!r} is taken for {guess.notation}" + (f" ({said})" if said else "")


def blame(guesses: Sequence[Guess]) -> str:
    """Return which notations nobody said and the flags that say others, for an error; empty without guesses."""
    if not guesses:
        return ""
    taken = ", ".join(f"{guess.column!r} was taken for {guess.notation} ({guess.flag})" for guess in guesses)
    return f" The notations are guessed: {taken}; text takes a column as it is."


def warn_of_guesses(guesses: Sequence[Guess], kept: int, total: int) -> None:
    """Say which notations were guessed where most rows are set aside."""
    if guesses and 2 * kept < total:
        log.warning("Only %s of %s rows can be used.%s", f"{kept:,}", f"{total:,}", blame(guesses))
