"""Ask the flagship for pairs of another source: `python -m bench.release.flagship external --pairs FILE --part names`.

The pairs are molecules of PubChem with their names, in the columns `smiles` and `iupac`, drawn otherwise than the built-in ones
and without those that it was trained on, built-in or made. They judge what ships, so they are no part of the project: only the
shares are kept, a line for each measurement in docs/results/flagship/external.jsonl. Of names eight answers are drawn, too, of
which OPSIN chooses one.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from pathlib import Path
from typing import Any

from bench.markdown import as_table
from bench.release.flagship.parts import RESULTS, Part
from bench.release.flagship.sure import count_sure
from bench.studies.one_test import SHARES, tested
from bench.studies.results import Result, read_results
from callbacks.statistics.intervals import format_estimate
from configs.lookup import CONFIGS

FILE = RESULTS / "external.jsonl"
LINE = {"day": str, "part": str, "task": str, "rows": int, "exact_match": float, "right": float}
"""What every line has."""
CANDIDATES = 8
FURTHER = (
    "callbacks.metrics.stratified_match.StratifiedMatch",
    "callbacks.reports.rerank.Rerank",
)
"""Callbacks besides those of a cell's test; no baselines, which would take an hour."""


def measure(part: Part, pairs: Path, rows: int | None = None) -> Result:
    """Test shipped weights on a table of pairs; return the line of the file.

    Args:
        part: The weights.
        pairs: The table.
        rows: As many rows only; default: all.
    """
    words = [
        "--model.base", "flagship", "--data.test_source", str(pairs.resolve()),
        "--model.generation.candidates", str(CANDIDATES), *(f"--trainer.callbacks+={name}" for name in FURTHER),
    ]  # fmt: skip
    if rows is not None:
        words += ["--data.test_rows", str(rows)]
    with tested(CONFIGS / "flagship.yaml", part.task, *words) as done:
        about = {
            "day": date.today().isoformat(), "part": part.name, "task": part.task, "rows": int(done.metrics["rows"]),
        }  # fmt: skip
        further = {"sure": count_sure(done.predictions), "strata": keep_strata(done.table("strata"))}
        return {**about, **done.shares, **of_rules(done.table("rerank")), **further}


def of_rules(rules: Sequence[Mapping[str, str]]) -> dict[str, float]:
    """Return what OPSIN's choice among several answers is worth: the line `back` of rerank.csv, if names are answers."""
    for line in rules:
        if line["rule"] == "back":
            names = {
                "right": "right",
                "low": "right_low",
                "high": "right_high",
                "exact": "exact",
                "verified": "share",
            }
            return {f"verified_{name}": float(line[column]) for column, name in names.items()}
    return {}


def keep_strata(lines: Sequence[Mapping[str, str]]) -> list[list[Any]]:
    """Return of each stratum its name, bin, rows, and shares of exact and right answers."""
    return [
        [
            line["stratum"],
            line["bin"],
            int(line["rows"]),
            float(line["exact_match"]),
            float(line["share_right"]),
        ]
        for line in lines
    ]


def latest(part: Part, file: Path = FILE) -> Mapping[str, Any] | None:
    """Return the last measurement of some weights, if there is one."""
    lines = [line for line in read_results(file, LINE) if line["part"] == part.name] if file.is_file() else []
    return lines[-1] if lines else None


def describe(line: Mapping[str, Any]) -> str:
    """Return the section of a card about molecules of another source."""
    header = ("answers", "exact match (95 %)", "right (95 %)")
    cells = [("greedy", *(format_estimate(line, share, percent=True) for share in SHARES))]
    if "verified_right" in line:
        exact, right = (
            f"{100 * line['verified_exact']:.1f} %",
            format_estimate(line, "verified_right", percent=True),
        )
        cells.append((f"the one of {CANDIDATES} that OPSIN reads back", exact, right))
    strata = [
        (stratum.replace("_", " "), interval, f"{rows:,}", f"{100 * exact:.1f} %", f"{100 * right:.1f} %")
        for stratum, interval, rows, exact, right in line["strata"]
    ]
    return f"""## Molecules of another source

{line["rows"]:,} molecules of PubChem of another draw, with SMILES of at most 60 characters; it was trained on none of them, by
connectivity, and made rows have none of their parents, either (measured {line["day"]}). The built-in test molecules are nearer to
the training molecules: expect of molecules of your own what this table says.

{as_table(header, cells)}
{as_table(("stratum", "", "rows", "exact match", "right"), strata)}
"""
