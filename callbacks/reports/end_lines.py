"""The lines below the table at the end of a run, and the one in its place for those who want no more."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from callbacks.reports.end_table import format_seconds
from callbacks.rows.outcomes import OUTCOMES
from callbacks.statistics.intervals import format_estimate

PROGRAM = "python train.py"
_ROUND_TRIP = {
    "round_trip": "right",
    "round_trip_tautomer": "tautomer-insensitive",
    "round_trip_without_stereo": "without stereo",
    "readable": "readable",
}


def describe_end(stage: str, summary: Mapping[str, Any]) -> str:
    """Return the end of a run in one line.

    Examples:
        >>> describe_end("fit", {"tasks": {"t": {"rows": 20, "exact_match": 0.5}}, "seconds": 61, "weights": "best.ckpt"})
        'fit: t exact match 50.0 % of 20 rows, best.ckpt, 1 min 01 s'
    """
    shares = [
        f"{task} exact match {format_estimate(metrics, 'exact_match', percent=True)} of {metrics['rows']:,} rows"
        for task, metrics in summary["tasks"].items()
    ]
    return f"{stage}: {', '.join([*shares, summary['weights'], format_seconds(summary['seconds'])])}"


def next_commands(stage: str, run: Path) -> list[str]:
    """Return the commands that a user most likely types after a stage.

    Examples:
        >>> next_commands("fit", Path("runs/mine"))[0]
        'python train.py test --ckpt_path runs/mine'
    """
    predict = f"{PROGRAM} predict --ckpt_path {run} --data.predict_path new.csv"
    test = f"{PROGRAM} test --ckpt_path {run}"
    return [predict] if stage == "test" else [test, predict]


def describe_evaluation(task: str, metrics: Mapping[str, float]) -> list[str]:
    """Return a task's lines on round trip, outcomes, abstaining and constrained decoding, each if it was measured.

    Args:
        task: The task's name.
        metrics: The task's metrics, without the task's name in front.
    """
    lines = []
    if "round_trip" in metrics:
        shares = [
            f"{format_estimate(metrics, name, percent=True)} {label}" for name, label in _ROUND_TRIP.items()
        ]
        lines.append(f"{task}, names read by OPSIN: {', '.join(shares)}")
    if "exact_match_worst" in metrics:
        mean, worst, spread = (100 * metrics[f"exact_match{name}"] for name in ("", "_worst", "_spread"))
        number = sum(name.startswith("exact_match_phrasing_") for name in metrics)
        lines.append(
            f"{task}, exact match in {number} phrasings: mean {mean:.1f} %, worst {worst:.1f} %, spread {spread:.1f} points"
        )
    measured = {name: metrics.get(f"outcome_{name}", 0.0) for name in OUTCOMES}
    shares = [f"{OUTCOMES[name]} {100 * share:.1f} %" for name, share in measured.items() if share > 0]
    if shares:
        lines.append(f"{task}, outcomes: {'; '.join(shares)}")
    if "coverage" in metrics:
        answered = [
            f"{name} {format_estimate(metrics, f'{key}_answered', percent=True)}"
            for key, name in (("exact_match", "exact match"), ("right", "right"))
        ]
        coverage = format_estimate(metrics, "coverage", percent=True)
        lines.append(f"{task}, answered (the others abstained): {coverage}; of these {', '.join(answered)}")
    if "steered" in metrics:
        steered, gave_up = (format_estimate(metrics, name, percent=True) for name in ("steered", "gave_up"))
        lines.append(
            f"{task}, constrained to valid prefixes: {steered} of the rows steered, {gave_up} given up"
        )
    return lines
