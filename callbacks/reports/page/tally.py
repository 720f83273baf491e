"""What the page needs of a table of predictions, counted in one pass: of any length, in bounded memory."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from callbacks.rows.outcomes import MEANS_THE_SAME, RIGHT

Line = Mapping[str, str]
"""A row of a table."""
MOST_ROWS = 150
"""Most shown rows of a side: under a megabyte with their molecules."""
CHANCE = "p_"
"""What the columns of the choices' probabilities begin with."""


@dataclass
class Tally:
    """Counts of the rows of a table, and the rows that are shown."""

    total: int = 0
    kinds: Counter[tuple[str, str, str]] = field(default_factory=Counter)
    """Rows by task, kind and outcome."""
    first: dict[str, Line] = field(default_factory=dict)
    """The first row of each task."""
    taken: Counter[tuple[str, str, str]] = field(default_factory=Counter)
    """Rows with choices by task, target and prediction."""
    shown: Sequence[Line] = ()
    """At most `MOST_ROWS` rows, in turn from each task and outcome, in the table's order."""

    def count_rows(self) -> Counter[str]:
        """Return the number of rows by task."""
        rows: Counter[str] = Counter()
        for (task, _, _), number in self.kinds.items():
            rows[task] += number
        return rows


def tally(rows: Iterable[Line], most: int = MOST_ROWS) -> Tally:
    """Count the rows of a table.

    Args:
        rows: The rows, read once.
        most: Most rows to show.

    Examples:
        >>> rows = [{"task": "t", "verdict": verdict, "row": str(i)} for i, verdict in enumerate(["wrong"] * 5 + ["exact"] * 2)]
        >>> found = tally(rows, most=3)
        >>> found.total, [row["row"] for row in found.shown]
        (7, ['0', '1', '5'])
    """
    found = Tally()
    seen: Counter[tuple[str, str]] = Counter()
    candidates = []
    for row in rows:
        task, outcome = row["task"], find_outcome(row)
        found.kinds[task, find_kind(row), outcome] += 1
        found.first.setdefault(task, row)
        if any(cell for column, cell in row.items() if column.startswith(CHANCE)):
            found.taken[task, row["target"], row["prediction"]] += 1
        rank = seen[task, outcome]
        if rank < most:
            candidates.append((rank, found.total, row))
        seen[task, outcome] += 1
        found.total += 1
    chosen = sorted(candidates, key=lambda one: one[:2])[:most]
    found.shown = [row for _, _, row in sorted(chosen, key=lambda one: one[1])]
    return found


def find_outcome(row: Line) -> str:
    """Return a row's outcome; the verdict where no outcome was decided, as in a fit."""
    return row.get("outcome") or row["verdict"]


def find_kind(row: Line) -> str:
    """Return whether a prediction is `right`, `wrong` or `invalid`.

    Examples:
        >>> find_kind({"verdict": "wrong", "outcome": "isomer"}), find_kind({"verdict": "exact"})
        ('wrong', 'right')
        >>> find_kind({"verdict": "wrong", "outcome": "unfinished"})
        'invalid'
        >>> find_kind({"verdict": "same molecule", "same_canonical": "true"})
        'right'
    """
    if outcome := row.get("outcome"):
        return "right" if outcome in RIGHT else "invalid" if outcome in ("invalid", "unfinished") else "wrong"
    if row["verdict"] == "exact" or any(row.get(f"same_{notion}") == "true" for notion in MEANS_THE_SAME):
        return "right"
    return "invalid" if row["verdict"] == "invalid" else "wrong"
