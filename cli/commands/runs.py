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
from typing import Any, NamedTuple

from callbacks.loggers.terminal import cut, wrap_text
from callbacks.rows.headlines import (
    EXACT_MATCH,
    HEADLINES,
    MIXED,
    Headline,
    format_value,
    headlines_of_log,
    join_headlines,
)
from cli.run.claim import FILE, SILENT_SECONDS, lives, read_holder
from configs.lookup import load_yaml

_HIGHER = [one.metric for one in HEADLINES.values() if one.mode == "max"]
"""The headlines of which more is better."""


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
    """The best epoch's share of exactly right validation rows, of several tasks the mean; None if they go by another headline."""
    low: float | None
    """Bounds of the headline's 95 % interval; None for several tasks."""
    high: float | None
    when: str
    """When it last wrote something."""
    state: str
    """`running`, `done`, or `stopped` before its end."""
    headline: str
    """The metric by which the run goes: `exact_match`, `auroc`, `mae_all`, or `loss` where its tasks have several."""
    best: float | None
    """The best epoch's value of it on the validation rows; of several tasks the mean."""
    unit: str = ""
    """The unit of an error, if all tasks have the same one."""


WIDTH = 80
"""Most characters of a line, whatever the terminal has: a log is read in others."""
LONGEST = 60
"""Most characters of the names of a run's tasks, and of its base."""


class Best(NamedTuple):
    """A run's best epoch by its headline."""

    epochs: int
    """How many epochs were evaluated."""
    headline: Headline
    value: float | None = None
    low: float | None = None
    high: float | None = None


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
    best = read_best(folder / "metrics.csv")
    exact = best.value if best.headline == EXACT_MATCH else None
    files = [folder / "config.yaml", folder / "metrics.csv", folder / "summary.json"]
    last = max(path.stat().st_mtime for path in files if path.is_file())
    when = time.strftime("%Y-%m-%d %H:%M", time.localtime(last))
    return Run(
        folder.name, _join(task), str(data.get("format", "?")), str(model.get("base", "?")), counts.get("train"), best.epochs,
        exact, best.low, best.high, when, find_state(folder), best.headline.metric, best.value, find_unit(folder),
    )  # fmt: skip


def find_unit(folder: Path) -> str:
    """Return the unit of a run's numbers; an empty text if none is known, or its tasks have several."""
    fit = _mapping(_read_json(folder / "summary.json").get("fit"))
    units = {_mapping(fit.get("units")).get(task, "") for task in _mapping(fit.get("tasks"))}
    return str(units.pop()) if len(units) == 1 else ""


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


def read_best(path: Path) -> Best:
    """Return how many epochs a metrics.csv evaluates, and the best value of the tasks' headline with its interval."""
    lines = []
    if path.is_file():
        with path.open(newline="", encoding="utf-8") as file:
            lines = list(csv.DictReader(file))
    of_tasks = headlines_of_log(name for line in lines[:1] for name in line)
    headline = join_headlines(of_tasks.values())
    name = f"val/{headline.metric}"
    lines = [line for line in lines if line.get(name)]
    if not lines:
        return Best(0, headline)
    choose = max if headline.mode == "max" else min
    best = choose(lines, key=lambda line: float(line[name]))
    low, high = (
        float(cell)
        if len(of_tasks) == 1 and (cell := best.get(f"val/{next(iter(of_tasks))}/{headline.metric}_{bound}"))
        else None
        for bound in ("low", "high")
    )
    return Best(len({line["epoch"] for line in lines}), headline, float(best[name]), low, high)


def format_best(run: Run, with_label: bool) -> str:
    """Return a run's best headline with its interval.

    Args:
        run: The run.
        with_label: Whether the headline's name stands in front.
    """
    if run.best is None:
        return "-"
    headline = next(one for one in (*HEADLINES.values(), MIXED) if one.metric == run.headline)
    bounds = {"low": run.low, "high": run.high}
    metrics = {f"{run.headline}_{end}": bound for end, bound in bounds.items() if bound is not None}
    unit = run.unit if headline in HEADLINES.values() else ""
    text = format_value(headline, metrics | {run.headline: run.best}, unit)
    return f"{headline.label} {text}" if with_label else text


def rank(run: Run) -> tuple[bool, str, float]:
    """Return a sort key by headline, the best run of each headline last; runs without a value come first."""
    if run.best is None:
        return False, "", 0.0
    return True, run.headline, run.best if run.headline in _HIGHER else -run.best


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
    """Return the lines of a table of at most 80 characters: the header, and a line a run with what it was made of below it.

    A longer name has a line of its own: it is to be copied.
    """
    kinds = any(run.headline != EXACT_MATCH.metric for run in runs)
    title = "best headline (95 %)" if kinds else "best exact match (95 %)"
    cells = [("name", title, "state")]
    cells += [(run.name, format_best(run, with_label=kinds), run.state) for run in runs]
    best, state = (max(len(line[place]) for line in cells) for place in (1, 2))
    room = WIDTH - best - state - 4
    name = max(len(line[0]) for line in cells if len(line[0]) <= room)
    lines = []
    for place, line in enumerate(cells):
        start = line[0].ljust(name)
        if len(line[0]) > room:
            lines.append(line[0])
            start = " " * name
        lines.append(f"{start}  {line[1]:>{best}}  {line[2]}")
        below = _describe(runs[place - 1]) if place else "when, task, format, base, training rows, epochs"
        lines += wrap_text(f"  {below}", WIDTH).splitlines()
    return lines


def _describe(run: Run) -> str:
    """Return when a run wrote something, and what it was made of."""
    rows = [] if run.rows is None else [f"{run.rows:,} rows"]
    epochs = f"{run.epochs} epoch{'' if run.epochs == 1 else 's'}"
    words = (cut(word, LONGEST) for word in (run.task, run.format, run.base))
    return ", ".join([run.when, *words, *rows, epochs])


def main(args: Sequence[str] | None = None) -> None:
    """Print the table, or with `--json` one object a run and line."""
    parser = argparse.ArgumentParser(description="List the runs of a folder.")
    parser.add_argument("folder", type=Path, nargs="?", default=Path("runs"), help="default: runs")
    parser.add_argument(
        "--sort", choices=("when", "name", "headline", "exact"), default="when",
        help="default: when, the latest last; headline: by each run's headline, the best last (exact is its old name)"
    )  # fmt: skip
    parser.add_argument("--json", action="store_true", help="one JSON object a run and line")
    options = parser.parse_args(args)
    runs = read_runs(options.folder)
    if options.sort == "name":
        runs.sort(key=lambda run: run.name)
    elif options.sort in ("headline", "exact"):
        runs.sort(key=rank)
    if options.json:
        lines = [json.dumps(asdict(run), ensure_ascii=False) for run in runs]
    else:
        lines = tabulate(runs) if runs else [f"{options.folder} holds no runs."]
    sys.stdout.writelines(f"{line}\n" for line in lines)
