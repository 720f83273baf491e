"""The names and weights of `--data.task`: `a`, `a,b`, `a:2,b:1`, or paths of files."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path

from configs.lookup import SUFFIXES


def parse_weights(
    task: str | Sequence[str] | Mapping[str, float], folder: Path = Path()
) -> dict[str, float | None]:
    """Read `--data.task`: a name, `a,b`, `a:2,b:1`, a list of those, or a mapping of name to weight.

    A task that is named without a weight gets None; one of weight 0 is evaluated and never trained. The path of a file may
    hold commas and colons.

    Args:
        task: The value of the flag.
        folder: The folder that relative paths are meant from; default: the working folder.

    Raises:
        ValueError: If a weight is below 0 or no number, no weight is above 0, a task is named twice, or none is.

    Examples:
        >>> parse_weights("smiles_to_iupac:2, smiles_to_formula:1")
        {'smiles_to_iupac': 2.0, 'smiles_to_formula': 1.0}
        >>> parse_weights(["smiles_to_iupac", "smiles_to_formula"])
        {'smiles_to_iupac': None, 'smiles_to_formula': None}
        >>> parse_weights("smiles_to_iupac:-1")
        Traceback (most recent call last):
            ...
        ValueError: Expected --data.task to be ... with weights of 0 or more, but got 'smiles_to_iupac' with weight '-1'.
    """
    if isinstance(task, Mapping):
        pairs: list[tuple[str, float | str | None]] = [(str(name), weight) for name, weight in task.items()]
    else:
        texts = [task] if isinstance(task, str) else task
        pairs = [pair for text in texts for pair in _read_pairs(text, folder)]
    weights: dict[str, float | None] = {}
    for name, weight in pairs:
        if name in weights:
            raise ValueError(f"Expected --data.task to name each task once, but got {name} twice.")
        try:
            value = 1.0 if weight is None else float(weight)
        except (TypeError, ValueError):
            value = -1.0
        weights[name] = None if weight is None else value
        if not 0 <= value < float("inf") or not name:
            raise ValueError(
                f"Expected --data.task to be name, name,name or name:weight,name:weight with weights of 0 or more, "
                f"but got {name!r} with weight {weight!r}."
            )
    if not weights:
        raise ValueError("Expected --data.task to name at least one task, but it is empty.")
    if not any(weight is None or weight > 0 for weight in weights.values()):
        raise ValueError(
            f"Expected --data.task to have a weight above 0, but got 0 for all of {', '.join(weights)}; 0 trains nothing."
        )
    return weights


def _read_pairs(text: str, folder: Path) -> list[tuple[str, float | str | None]]:
    """Return the tasks of `a,b` or `a:2,b:1` with their weights; the longest piece that is a file is that file."""
    pairs: list[tuple[str, float | str | None]] = []
    parts = text.split(",")
    while parts:
        for length in range(len(parts), 0, -1):
            piece = ",".join(parts[:length]).strip()
            name, colon, weight = piece.rpartition(":")
            if (is_file := _is_file(piece, folder)) or (colon and _is_file(name, folder)) or length == 1:
                pairs.append((piece, None) if is_file or not colon else (name, weight))
                parts = parts[length:]
                break
    return pairs


def _is_file(path: str, folder: Path) -> bool:
    return (path.endswith(SUFFIXES) or "/" in path) and os.path.isfile(folder / os.path.expanduser(path))
