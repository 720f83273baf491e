"""What a table has no room for, as lines of text: the round trip, and how predictions fail."""

from __future__ import annotations

from collections.abc import Mapping

from callbacks.intervals import format_estimate
from callbacks.outcomes import OUTCOMES

_ROUND_TRIP = {
    "round_trip": "right",
    "round_trip_tautomer": "tautomer-insensitive",
    "round_trip_without_stereo": "without stereo",
    "readable": "readable",
}


def describe_evaluation(task: str, metrics: Mapping[str, float]) -> list[str]:
    """Return a task's lines: of the round trip and of the outcomes, each if it was measured.

    Args:
        task: Its name.
        metrics: Its metrics, without the task's name in front.
    """
    lines = []
    if "round_trip" in metrics:
        shares = [
            f"{format_estimate(metrics, name, percent=True)} {word}" for name, word in _ROUND_TRIP.items()
        ]
        lines.append(f"{task}, names read by OPSIN: {', '.join(shares)}")
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
        lines.append(f"{task}, kept to valid beginnings: {steered} of the rows steered, {gave_up} given up")
    return lines
