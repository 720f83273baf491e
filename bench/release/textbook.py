"""Ask a model for 200 molecules of a first textbook, both ways: `python -m bench.release.textbook`.

Every reader can check these answers. The rows are the source `textbook`; nearly all molecules stand in `pubchem`, most on its
training side, so this is a test of the everyday and not of the unseen. A line a task is appended to docs/results/textbook.jsonl,
with all wrong answers, and docs/results/textbook.md is written from the file; the flagship's card has the shares, too.
"""

from __future__ import annotations

import argparse
from collections.abc import Mapping, Sequence
from datetime import date
from pathlib import Path
from typing import Any

from bench.markdown import DOCS, as_table
from bench.studies.one_test import SHARES, tested
from bench.studies.results import Result, append_result, read_results
from callbacks.rows.outcomes import OUTCOMES, RIGHT
from callbacks.statistics.intervals import format_estimate
from configs.lookup import CONFIGS, load_yaml

RESULTS = DOCS / "results" / "textbook.jsonl"
PAGE = DOCS / "results" / "textbook.md"
PARTS = {"model": str, "day": str, "task": str, "rows": int, "right": float, "wrong": list}
"""What every line has."""


def measure(model: str, config: Path) -> list[Result]:
    """Test a model on the textbook's molecules; return a line for each of its tasks.

    Args:
        model: A name in configs/bases, or an exported folder.
        config: The configuration of its tasks and format.
    """
    tasks = load_yaml(config)["data"]["task"].split(",")
    return [measure_task(model, config, task) for task in tasks]


def measure_task(model: str, config: Path, task: str) -> Result:
    """Return the same of one task, since the flagship has weights of its own for each."""
    with tested(config, task, "--model.base", model, "--data.test_source", "textbook") as done:
        wrong = [
            [row["input"], row["target"], row["prediction"], OUTCOMES[row["outcome"]]]
            for row in done.predictions
            if row["outcome"] not in RIGHT
        ]
        rows = int(done.metrics["rows"])
        about = {"model": model, "day": date.today().isoformat(), "task": task, "rows": rows}
        return {**about, **done.shares, "wrong": wrong}


def summarize(lines: Sequence[Mapping[str, Any]]) -> str:
    """Return the shares of some lines as a table."""
    header = ("model", "day", "task", "exact match (95 %)", "right (95 %)", "rows")
    cells = []
    for line in lines:
        shares = [format_estimate(line, share, percent=True) for share in SHARES]
        cells.append((line["model"], line["day"], line["task"], *shares, str(line["rows"])))
    return as_table(header, cells)


def write_page(lines: Sequence[Mapping[str, Any]]) -> str:
    """Return the page: all shares, and the wrong answers of each model's and task's last line."""
    last = {(line["model"], line["task"]): line for line in lines}
    parts = [TEXT, summarize(lines)]
    for (model, task), line in last.items():
        rows = [[f"`{cell}`" for cell in cells[:3]] + [cells[3]] for cells in line["wrong"]]
        header = ("asked", "expected", "answer", "outcome")
        parts.append(f"## {model}, {task}: wrong answers\n\n{as_table(header, rows) if rows else 'None.'}")
    return "\n".join(parts)


TEXT = """# Molecules of a first textbook

200 molecules from methane to phosphoric acid, asked both ways (the source `textbook`): greedy answers, any of a molecule's names
is exact, and *right* also counts other names and spellings that OPSIN and RDKit read as the same molecule. All of these molecules
stand in `pubchem`, most of them on its training side: a model that fails here fails at what everybody checks first.
`python -m bench.release.textbook` makes this page.
"""


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure a model, and write the page."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--model", default="flagship", help="a name in configs/bases, or an exported folder")
    parser.add_argument(
        "--config",
        type=Path,
        default=CONFIGS / "flagship.yaml",
        help="the configuration of its tasks and format",
    )
    options = parser.parse_args(arguments)
    for line in measure(options.model, options.config.resolve()):
        append_result(RESULTS, line)
    PAGE.write_text(write_page(read_results(RESULTS, PARTS)), encoding="utf-8")


if __name__ == "__main__":
    main()
