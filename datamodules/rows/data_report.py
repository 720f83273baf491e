"""Report how many rows were used or skipped: a JSON and a CSV file in the run's folder, a paragraph in the terminal."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from lightning.pytorch.utilities.rank_zero import rank_zero_info
from numpy.typing import NDArray

from datamodules.rows.columns.conditions import count_conditions
from datamodules.rows.prepare import Prepared
from datamodules.rows.read_and_split import SplitSettings
from datamodules.sources.rows import SetAside
from datamodules.splits import LEFT_OUT, NAMES, TRAIN
from datamodules.storage.safe_csv import write_csv


def make(
    prepared: Prepared, pools: Mapping[str, NDArray[np.int64]], settings: SplitSettings
) -> dict[str, Any]:
    """Return the counts of rows: per task (kept + set aside = total), per side of the split, and drawn for this run."""
    kind = "given" if settings.split_column or settings.val_source or settings.test_source else settings.split
    return {
        "sources": dict(prepared.totals),
        "contents": dict(prepared.contents),
        "notes": {source: list(texts) for source, texts in prepared.notes.items() if texts},
        "guessed_notations": {guess.column: guess.notation for guess in prepared.guesses},
        "tasks": list(dict.fromkeys(part.task.name for part in prepared.parts)),
        "kept": [
            {
                "task": part.task.name,
                "file": part.file,
                "total": len(part) + len(part.set_aside),
                "kept": len(part),
                "set_aside": len(part.set_aside),
            }
            for part in prepared.parts
        ],
        "split": kind,
        "conditions": _count_conditions(prepared),
        "other_conditions": _count_left_out(prepared),
        "usable": {name: int((prepared.sides == side).sum()) for side, name in enumerate(NAMES)},
        "rows": {name: len(pool) for name, pool in pools.items()},
        "too_long": {},
        "overlap": dict(prepared.overlap),
    }


def _count_conditions(prepared: Prepared) -> dict[str, dict[str, int]]:
    """Return the number of training rows in each condition, the most frequent first, of each task that has conditions."""
    counts: dict[str, Counter[str]] = {}
    for part, sides in zip(prepared.parts, prepared.sides_by_part(), strict=True):
        if part.conditions is not None:
            trained = count_conditions(part.conditions.take(np.flatnonzero(sides == TRAIN)))
            counts.setdefault(part.task.name, Counter()).update(trained)
    return {name: dict(found.most_common()) for name, found in counts.items()}


def _count_left_out(prepared: Prepared) -> dict[str, int]:
    """Return the number of held-out rows in each condition that evaluation does not ask for."""
    counts: Counter[str] = Counter()
    for part, sides in zip(prepared.parts, prepared.sides_by_part(), strict=True):
        if part.conditions is not None:
            counts.update(count_conditions(part.conditions.take(np.flatnonzero(sides == LEFT_OUT))))
    return dict(counts.most_common())


def write(report: dict[str, Any], aside: Sequence[SetAside], folder: Path) -> None:
    """Write `data.json` and `set_aside.csv`, and print the counts."""
    folder.mkdir(parents=True, exist_ok=True)
    report = {**report, "set_aside": count_reasons(aside)}
    (folder / "data.json").write_text(json.dumps(report, indent=2) + "\n", encoding="utf-8")
    write_csv(folder / "set_aside.csv", ("file", "line", "reason", "text", "task"), map(vars, aside))
    rank_zero_info(describe(report))


def tell(notes: Mapping[str, Sequence[str]]) -> None:
    """Say what was decided when sources were read, a line each."""
    for source, texts in notes.items():
        for text in texts:
            rank_zero_info(f"{source}: {text}.")


def count_reasons(aside: Sequence[SetAside]) -> dict[str, int]:
    """Return the number of skipped rows for each kind of reason, the most frequent first.

    Examples:
        >>> from datamodules.sources.rows import SetAside
        >>> count_reasons([SetAside("my.csv", 2, "input: empty", ""), SetAside("my.csv", 9, "input: empty", "")])
        {'input: empty': 2}
    """
    return dict(Counter(_kind(row.reason) for row in aside).most_common())


def describe(report: Mapping[str, Any]) -> str:
    """Return the report as one paragraph."""
    sources = ", ".join(f"{name} ({total:,} rows)" for name, total in report["sources"].items())
    sides = ", ".join(
        f"{report['rows'].get(name, 0):,} of {count:,} {name}" for name, count in report["usable"].items()
    )
    overlap = ", ".join(f"{pair} {count}" for pair, count in report["overlap"].items())
    tasks = " + ".join(report["tasks"])
    text = f"Data: {sources}; {tasks}; {report['split']} split, using {sides}; shared identities: {overlap}."
    if others := report.get("other_conditions"):
        listed = ", ".join(f"{count:,} {name}" for name, count in others.items())
        text += f" Held out and not asked, being of another condition: {listed} (--data.condition)."
    if report.get("set_aside"):
        skipped = ", ".join(f"{count:,} {reason}" for reason, count in report["set_aside"].items())
        text += f" Skipped: {skipped} (set_aside.csv)."
    return text


def why_empty(report: Mapping[str, Any], aside: Sequence[SetAside]) -> str:
    """Return the error message of a run without training rows."""
    first = f" The first one: {aside[0].file}, line {aside[0].line}: {aside[0].reason}." if aside else ""
    return (
        "Expected at least one training row, but got none. "
        f"{describe({**report, 'set_aside': count_reasons(aside)})}{first} Check the columns and --data.max_length."
    )


def _kind(reason: str) -> str:
    """Return a reason without its row-specific part, so that reasons can be counted."""
    return reason.split(": ")[0] if reason.startswith("longer than") else reason
