"""The results file: one JSON line per cell; a kill at any moment leaves it intact."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

Result = dict[str, Any]
SHARES = ("exact_match", "validity", "outcome_", "round_trip", "readable")
"""Prefixes of the metrics that are shares of the tested rows."""


PARTS = {
    "flags": dict, "test": dict, "versions": dict, "steps": int, "fit_seconds": (int, float), "test_seconds": (int, float),
    "revision": str,
}  # fmt: skip
"""The fields of a cell's result, with their types."""


def read_results(path: Path, parts: Mapping[str, Any] = PARTS) -> list[Result]:
    """Return the results, or none without a file; an incomplete last line (after a kill) is skipped.

    Args:
        path: The file.
        parts: The fields that every result must have, with their types.

    Raises:
        ValueError: If another line is not a result.
    """
    if not path.is_file():
        return []
    lines = path.read_bytes().split(b"\n")[:-1]  # text after the last newline is incomplete
    return [_parse(line, parts, f"{path}, line {number}") for number, line in enumerate(lines, start=1)]


def _parse(line: bytes, parts: Mapping[str, Any], where: str) -> Result:
    try:
        result: Result = json.loads(line)
    except ValueError as error:
        raise ValueError(f"{where}: expected JSON, but got {line[:80]!r}: {error}.") from error
    if not isinstance(result, dict):
        raise ValueError(f"{where}: expected an object, but got {line[:80]!r}.")
    for part, kind in parts.items():
        if not isinstance(result.get(part), kind):
            raise ValueError(
                f"{where}: expected {part!r} to be there and {_name(kind)}, but got {result.get(part)!r}."
            )
    for task, tested in result["test"].items() if "test" in parts else ():
        if not isinstance(tested, dict) or not {"rows", "metrics"} <= tested.keys():
            raise ValueError(
                f"{where}: expected rows and metrics of the task {task!r}, but got {str(tested)[:80]}."
            )
    return result


def _name(kind: Any) -> str:
    return {dict: "an object", int: "a whole number", str: "text"}.get(kind, "a number")


def append_result(path: Path, result: Mapping[str, Any]) -> None:
    """Append a line in one write, and wait until it is on the disk; an incomplete last line is removed first."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a+b") as file:
        file.seek(0)
        whole = file.read()
        file.truncate(whole.rfind(b"\n") + 1)
        file.write(json.dumps(result).encode() + b"\n")
        file.flush()
        os.fsync(file.fileno())


def as_estimates(metrics: Mapping[str, float]) -> dict[str, dict[str, float]]:
    """Return a task's metrics with the bounds of their intervals, and shares with numerator and denominator.

    Args:
        metrics: Metrics of one task as in `summary.json`: `rows`, and each metric with its `_low` and `_high`.
    """
    rows = round(metrics["rows"])
    found = {}
    for name, value in metrics.items():
        if name == "rows" or name.endswith(("_low", "_high")):
            continue
        found[name] = {"value": value}
        for bound in ("low", "high"):
            if f"{name}_{bound}" in metrics:
                found[name][bound] = metrics[f"{name}_{bound}"]
        hits = value * rows
        # Logged in float32. Not whole if the metric applies to fewer rows.
        if name.startswith(SHARES) and abs(hits - round(hits)) < 1e-6 * rows + 1e-3:
            found[name] |= {"numerator": round(hits), "denominator": rows}
    return found
