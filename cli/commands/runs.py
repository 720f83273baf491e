"""`patois runs`: the runs of a folder, a line each."""

from __future__ import annotations

import argparse
import csv
import json
import sys
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from cli.run.claim import FILE, SILENT_SECONDS, lives, read_holder
from configs.lookup import load_yaml


@dataclass(frozen=True)
class Run:
    """What a run's folder says about it."""

    name: str
    task: str
    format: str
    base: str
    rows: int | None
    """Training rows."""
    epochs: int
    """Epochs that were evaluated."""
    exact_match: float | None
    """The best epoch's share of exactly right validation rows; of several tasks the mean."""
    low: float | None
    """Bounds of its 95 % interval; None for several tasks."""
    high: float | None
    when: str
    """When it last wrote something."""
    state: str
    """`running`, `done`, or `stopped` before its end."""


def read_runs(folder: Path) -> list[Run]:
    """Return the runs of a folder, the latest last.

    Raises:
        ValueError: If there is no such folder.
    """
    if not folder.is_dir():
        raise ValueError(
            f"Expected a folder of runs, but {str(folder)!r} is none: start one with `fit`, or name another."
        )
    runs = [read_run(config.parent) for config in folder.glob("*/config.yaml")]
    return sorted(runs, key=lambda run: (run.when, run.name))


def read_run(folder: Path) -> Run:
    """Return what a run's folder says; what is missing or damaged there stays unknown."""
    try:
        settings = load_yaml(folder / "config.yaml")
    except ValueError:
        settings = {}
    data, model = (_mapping(settings.get(name)) for name in ("data", "model"))
    columns = [data.get(f"{side}_column") for side in ("input", "output")]
    task = data.get("task") or (" -> ".join(map(str, columns)) if all(columns) else "?")
    counts = _mapping(_read_json(folder / "data.json").get("rows"))
    epochs, best, low, high = read_best(folder / "metrics.csv")
    files = [folder / "config.yaml", folder / "metrics.csv", folder / "summary.json"]
    last = max(path.stat().st_mtime for path in files if path.is_file())
    when = time.strftime("%Y-%m-%d %H:%M", time.localtime(last))
    return Run(
        folder.name, _join(task), str(data.get("format", "?")), str(model.get("base", "?")), counts.get("train"), epochs,
        best, low, high, when, find_state(folder),
    )  # fmt: skip


def find_state(folder: Path) -> str:
    """Return whether a run is `running`, `done`, or `stopped` before its end.

    A process of another machine counts as running while it refreshes its claim.
    """
    claim = folder / FILE
    if (holder := read_holder(claim)) is not None:
        alive = lives(holder)
        if alive is None:
            alive = time.time() - claim.stat().st_mtime < SILENT_SECONDS
        if alive:
            return "running"
    return "done" if "fit" in _read_json(folder / "summary.json") else "stopped"


def read_best(path: Path) -> tuple[int, float | None, float | None, float | None]:
    """Return how many epochs a metrics.csv evaluates, and the highest exact match with its interval."""
    if not path.is_file():
        return 0, None, None, None
    with path.open(newline="", encoding="utf-8") as file:
        lines = [line for line in csv.DictReader(file) if line.get("val/exact_match")]
    if not lines:
        return 0, None, None, None
    best = max(lines, key=lambda line: float(line["val/exact_match"]))
    tasks = [name for name in best if name.count("/") == 2 and name.endswith("/exact_match")]
    low, high = (
        float(cell) if len(tasks) == 1 and (cell := best.get(f"{tasks[0]}_{bound}")) else None
        for bound in ("low", "high")
    )
    return len({line["epoch"] for line in lines}), float(best["val/exact_match"]), low, high


def _mapping(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _join(task: Any) -> str:
    return ",".join(map(str, task)) if isinstance(task, (list, dict)) else str(task)


def _read_json(path: Path) -> dict[str, Any]:
    try:
        return _mapping(json.loads(path.read_text(encoding="utf-8")))
    except (OSError, ValueError):
        return {}


def tabulate(runs: Sequence[Run]) -> list[str]:
    """Return the lines of a table: the header, and one a run."""
    cells = [("name", "task", "format", "base", "rows", "epochs", "best exact match (95 %)", "when", "state")]
    for run in runs:
        best = "-" if run.exact_match is None else f"{100 * run.exact_match:.1f} %"
        if run.low is not None and run.high is not None:
            best += f" ({100 * run.low:.1f} to {100 * run.high:.1f})"
        rows = "-" if run.rows is None else f"{run.rows:,}"
        cells.append(
            (run.name, run.task, run.format, run.base, rows, str(run.epochs), best, run.when, run.state)
        )
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    right = {4, 5, 6}
    return [
        "  ".join(
            f"{cell:>{width}}" if place in right else f"{cell:<{width}}"
            for place, (cell, width) in enumerate(zip(line, widths, strict=True))
        ).rstrip()
        for line in cells
    ]


def main(args: Sequence[str] | None = None) -> None:
    """Print the table, or with `--json` one object a run and line."""
    parser = argparse.ArgumentParser(description="List the runs of a folder.")
    parser.add_argument("folder", type=Path, nargs="?", default=Path("runs"), help="default: runs")
    parser.add_argument(
        "--sort", choices=("when", "name", "exact"), default="when", help="default: when, the latest last"
    )
    parser.add_argument("--json", action="store_true", help="one JSON object a run and line")
    options = parser.parse_args(args)
    runs = read_runs(options.folder)
    if options.sort == "name":
        runs.sort(key=lambda run: run.name)
    elif options.sort == "exact":
        runs.sort(key=lambda run: -1.0 if run.exact_match is None else run.exact_match)
    if options.json:
        lines = [json.dumps(asdict(run), ensure_ascii=False) for run in runs]
    else:
        lines = tabulate(runs) if runs else [f"{options.folder} holds no runs."]
    sys.stdout.writelines(f"{line}\n" for line in lines)
