"""Count in which notation answers are, and how often right: `python -m bench.release.answered_in TABLE --model NAME`.

For tasks whose answers are molecules as SELFIES, which a model may answer in SMILES instead
(docs/results/composition.md). TABLE is a table of predictions. A line is appended to docs/results/answered_in.jsonl,
and printed.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from bench.markdown import DOCS
from bench.studies.results import append_result
from callbacks.statistics.intervals import wilson_interval
from datamodules.notations import selfies, smiles
from datamodules.storage.safe_csv import read_csv

RESULTS = DOCS / "results" / "answered_in.jsonl"


def count_answers(rows: Sequence[Mapping[str, str]]) -> dict[str, float]:
    """Return the share of answers in each notation, and of those that are the target's molecule in it, with Wilson's intervals.

    Args:
        rows: Rows of a table of predictions, with `prediction` and a `target` in SELFIES.

    Raises:
        ValueError: If there are no rows.

    Examples:
        >>> found = count_answers([{"prediction": "OCC", "target": "[C][C][O]"}, {"prediction": "?", "target": "[C]"}])
        >>> found["smiles"], found["smiles_right"], found["selfies"]
        (0.5, 0.5, 0.0)
    """
    if not rows:
        raise ValueError("Expected rows of the task in the table, but it has none.")
    counts = dict.fromkeys(("smiles", "smiles_right", "selfies", "selfies_right"), 0)
    for row in rows:
        answer = row["prediction"]
        name = "selfies" if selfies.is_valid(answer) else "smiles" if smiles.is_valid(answer) else ""
        if name:  # bracketed atoms are both, and then the asked notation counts
            drawn = selfies.to_smiles(answer) if name == "selfies" else answer
            counts[name] += 1
            counts[f"{name}_right"] += smiles.same(drawn, selfies.to_smiles(row["target"]))["inchikey"]
    found: dict[str, float] = {"rows": len(rows)}
    for name, count in counts.items():
        low, high = wilson_interval(count, len(rows))
        found |= {name: count / len(rows), f"{name}_low": low, f"{name}_high": high}
    return found


def main(arguments: Sequence[str] | None = None) -> None:
    """Count the answers of a table, and append the line."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("table", type=Path, help="runs/NAME/test/predictions/....csv")
    parser.add_argument("--model", required=True, help="what the line calls the model")
    parser.add_argument("--task", default="iupac_to_selfies")
    options = parser.parse_args(arguments)
    rows = [row for row in read_csv(options.table) if row["task"] == options.task]
    line: dict[str, Any] = {"model": options.model, "task": options.task, **count_answers(rows)}
    append_result(RESULTS, line)
    sys.stdout.write(json.dumps(line) + "\n")


if __name__ == "__main__":
    main()
