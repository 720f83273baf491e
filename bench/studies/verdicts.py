"""Verdicts on a cell's test rows, stored as bits in its results, so that cells can be compared row by row."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bench.markdown import as_table
from bench.studies.results import Result
from bench.studies.tables import settings_of, show_value, varying
from callbacks.reports.compare.answers import find_table, read_answers
from callbacks.reports.compare.pairs import compare_verdicts, format_comparison

METRIC = "exact_match"


def pack_verdicts(run: Path) -> dict[str, dict[str, str]]:
    """Return for each tested task a digest of its rows, and one bit per row: whether the answer equals the target.

    The rows are sorted by their texts, whatever their order in the test.
    """
    answers = read_answers(find_table(run)[0])
    packed = {}
    for task in dict.fromkeys(key[0] for key in answers):
        keys = sorted(key for key in answers if key[0] == task)
        bits = np.packbits([answers[key][METRIC] for key in keys])
        rows = hashlib.sha256(repr(keys).encode()).hexdigest()[:16]
        packed[task] = {"rows": rows, "exact": base64.b64encode(bits.tobytes()).decode()}
    return packed


def unpack_verdicts(packed: dict[str, str], rows: int) -> NDArray[np.bool_]:
    """Return `(rows,)` whether each answer equals the target."""
    bits = np.frombuffer(base64.b64decode(packed["exact"]), dtype=np.uint8)
    return np.unpackbits(bits, count=rows).astype(bool)


def paired_table(results: Sequence[Result], task: str) -> str | None:
    """Return the Markdown table of each setting against the one with most exact matches, on the same rows.

    None if there is nothing to compare: fewer than two settings, several seeds, different test rows, or results from before
    verdicts were stored.
    """
    settings = [one for one in settings_of(results) if any(task in result["test"] for result in one.results)]
    tested: list[dict[str, Any]] = [
        result["test"][task] for one in settings for result in one.results if task in result["test"]
    ]
    rows = {one.get("verdicts", {}).get("rows") for one in tested}
    if len(settings) < 2 or len(tested) > len(settings) or len(rows) > 1 or None in rows:
        return None
    verdicts = [unpack_verdicts(one["verdicts"], one["rows"]) for one in tested]
    best = max(range(len(verdicts)), key=lambda place: int(verdicts[place].sum()))
    lines = []
    for place, setting in enumerate(settings):
        if place == best:
            continue
        found = compare_verdicts(task, METRIC, verdicts[best], verdicts[place])
        lines.append((*map(show_value, setting.values), *format_comparison(found)))
    name = ", ".join(map(show_value, settings[best].values))
    header = (
        *(f"`{flag}`" for flag in varying(results)), f"points against {name} (95 %)", "only the best is right",
        "only this is right", "McNemar's p",
    )  # fmt: skip
    return as_table(header, lines)
