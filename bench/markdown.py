"""Markdown tables, and the folder of the pages."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from configs.lookup import PROJECT

DOCS = PROJECT / "docs"


def as_table(header: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Return a Markdown table.

    Examples:
        >>> print(as_table(("base", "loss"), [("bundled", "0.40"), ("random", "1.10")]), end="")
        | base | loss |
        | --- | --- |
        | bundled | 0.40 |
        | random | 1.10 |
    """
    lines = [header, ["---"] * len(header), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines) + "\n"
