"""The tables of the flagship's cards, from a test's metrics and files."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from bench.markdown import as_table
from bench.release.flagship.parts import Part
from callbacks.reports.audit_report import describe_audit
from callbacks.reports.end_table import result_cells
from callbacks.rows.outcomes import OUTCOMES

OUTCOME_WORDS = {"invalid": "not read: a name by OPSIN, a SMILES as a molecule"}
"""What outcomes are called where one table has names and molecules."""


def tabulate_results(test: Mapping[str, Any]) -> str:
    """Return the shares of exact, right and well-formed answers of the model and of each baseline."""
    lines = []
    for task, metrics in test["tasks"].items():
        lines.append(result_cells(f"**{task}**", metrics))
        lines += [result_cells(one["system"], one) for one in test["anchors"] if one["task"] == task]
    return as_table(
        ("task, or baseline on the same rows", "exact match (95 %)", "right (95 %)", "well-formed", "rows"),
        lines,
    )


def list_audit(test: Mapping[str, Any]) -> str:
    """Return what the audit found between training and test rows, an item a task."""
    return "".join(f"- {describe_audit(task, count)}.\n" for task, count in test.get("audit", {}).items())


def tabulate_outcomes(test: Mapping[str, Any]) -> str:
    """Return the share of each outcome."""
    tasks = test["tasks"]
    return as_table(
        ("outcome", *tasks),
        [
            (words, *(f"{100 * metrics.get(f'outcome_{name}', 0.0):.1f} %" for metrics in tasks.values()))
            for name, words in {**OUTCOMES, **OUTCOME_WORDS}.items()
        ],
    )


def describe_textbook(lines: Sequence[Mapping[str, Any]], part: Part) -> str:
    """Return what the weights know of the molecules that everybody knows, if that was measured."""
    if not lines:
        return ""
    what = f"[200 molecules of a first textbook]({part.to_project}docs/results/textbook.md), most of them trained on"
    shares = "; ".join(
        f"{line['task']} {100 * line['right']:.1f} % right ({100 * line['right_low']:.1f} to {100 * line['right_high']:.1f})"
        for line in lines
    )
    return f"Of {what}: {shares}.\n\n"


def tabulate_strata(strata: Sequence[Mapping[str, str]], others: Sequence[Mapping[str, str]]) -> str:
    """Return one table per task: the model's shares and the baselines' shares of right answers in each stratum."""
    shares = {
        (
            line["task"],
            line["stratum"],
            line["bin"],
            line["system"],
        ): f"{100 * float(line['share_right']):.1f} %"
        for line in others
    }
    parts = []
    for task in dict.fromkeys(line["task"] for line in strata):
        systems = list(dict.fromkeys(line["system"] for line in others if line["task"] == task))
        table = as_table(
            (task, "", "rows", "exact match (95 %)", "right (95 %)", *(f"right: {system}" for system in systems)),
            [
                (line["stratum"].replace("_", " "), line["bin"], line["rows"], _share(line, "exact_match", "low", "high"),
                 _share(line, "share_right", "right_low", "right_high"),
                 *(shares.get((task, line["stratum"], line["bin"], system), "-") for system in systems))
                for line in strata
                if line["task"] == task
            ],
        )  # fmt: skip
        parts.append(table)
    return "\n".join(parts)


def _share(line: Mapping[str, str], *names: str) -> str:
    value, low, high = (f"{100 * float(line[name]):.1f}" for name in names)
    return f"{value} % ({low} to {high})"
