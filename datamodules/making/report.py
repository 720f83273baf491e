"""What became of a recipe's candidates: for the file, and for people."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import Any

from datamodules.making.recipe import NOT_ASKED, UNREADABLE


def count_methods(
    generated: Mapping[str, int], dropped: Mapping[tuple[str, str], int], kept: Mapping[str, int]
) -> dict[str, dict[str, Any]]:
    """Return for each method how many candidates were made, asked about, read and kept, and why the others were dropped.

    Args:
        generated: Candidates by method.
        dropped: Dropped ones by method and reason.
        kept: Rows by method.

    Examples:
        >>> count_methods({"swap": 5}, {("swap", "not read: valence"): 1, ("swap", "held out"): 1}, {"swap": 3})
        {'swap': {'generated': 5, 'asked': 5, 'read': 4, 'kept': 3, 'dropped': {'held out': 1, 'not read: valence': 1}}}
    """
    counts: dict[str, dict[str, Any]] = {}
    for method in sorted(generated):
        reasons = Counter({reason: number for (of, reason), number in dropped.items() if of == method})
        unasked, unread = (
            sum(number for reason, number in reasons.items() if reason.startswith(start))
            for start in (NOT_ASKED, UNREADABLE)
        )
        assert generated[method] == kept.get(method, 0) + reasons.total(), (
            "every candidate is kept or dropped"
        )
        counts[method] = {
            "generated": generated[method],
            "asked": generated[method] - unasked,
            "read": generated[method] - unasked - unread,
            "kept": kept.get(method, 0),
            "dropped": dict(sorted(reasons.items(), key=lambda item: (-item[1], item[0]))),
        }
    return counts


def summarize(counts: Mapping[str, Mapping[str, Any]], most: int = 3) -> str:
    """Return one line: the rows, and for few methods the shares that were read (of those asked) and kept.

    Examples:
        >>> summarize({"swap": {"generated": 5, "asked": 5, "read": 4, "kept": 3, "dropped": {}}})
        '3 rows of 5 candidates; swap: 80.0 % read, 60.0 % kept'
    """
    generated, kept = (sum(of[name] for of in counts.values()) for name in ("generated", "kept"))
    line = f"{kept:,} rows of {generated:,} candidates"
    if len(counts) > most:
        return line
    shares = [
        f"{method}: {of['read'] / of['asked']:.1%} read, {of['kept'] / of['generated']:.1%} kept".replace(
            "%", " %"
        )
        for method, of in counts.items()
        if of["asked"]
    ]
    return "; ".join([line, *shares])
