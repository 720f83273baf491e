"""`--model.base auto`: the base and its format by the task and the number of its rows."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from cli.given import Given
from configs.lookup import CONFIGS, load_yaml
from configs.yaml_text import read_yaml
from datamodules.few_rows import find_knowing
from datamodules.flag_tasks import choose_tasks, find_open_sides
from datamodules.rows.guess_notations import apply, guess_from_rows
from datamodules.sources.lookup import load_source
from datamodules.sources.tables.options import TableOptions
from datamodules.tasks import Task

AUTO = "auto"
_CHOICE = ("task", "input_column", "output_column", "input_notation", "output_notation")


def choose_base(given: Given) -> tuple[str, str]:
    """Return the base that `--model.base auto` means, and a line that says so.

    Args:
        given: What the command line gives.

    Raises:
        ValueError: If the task or its table cannot be read.
    """
    tasks, rows = _read_tasks(given.get("data") or {})
    pairs = ", ".join(f"{task.input.notation} to {task.output.notation}" for task in tasks)
    known = find_knowing(tasks, rows)
    if known is not None:
        return known.name, f"Base: {known.name}, since it knows {pairs} and the {rows:,} rows are few"
    default = load_yaml(CONFIGS / "default.yaml")["model"]["base"]
    reason = "the rows are many" if find_knowing(tasks, 0) else f"no base knows {pairs} already"
    return default, f"Base: {default}, since {reason} ({rows:,})"


def _read_tasks(data: Mapping[str, Any]) -> tuple[list[Task], int]:
    """Return the tasks with their notations, and the number of rows to train with; `data` is as it is written."""
    choice = [data.get(name) or None for name in _CHOICE]
    if isinstance(choice[0], str) and choice[0].startswith(("{", "[")):
        choice[0] = read_yaml(choice[0])
    tasks = choose_tasks(*choice)[0]
    header: dict[str, Any] = {"true": {"header": True}, "false": {"header": False}}
    encoding: dict[str, Any] = {"encoding": str(data["encoding"])} if data.get("encoding") else {}
    options = TableOptions(**encoding, **header.get(str(data.get("header")).lower(), {}))
    names = [data.get("source") or task.source for task in tasks]
    if not all(names):
        raise ValueError("Expected --data.source FILE, since the task names no source, but got none.")
    loaded = {str(name): load_source(str(name), options) for name in names}
    rows = sum(source.total for source in loaded.values())
    if sides := find_open_sides(*choice):
        guesses = guess_from_rows(tasks, sides, loaded[str(names[0])])
        tasks = [apply(task, guesses) for task in tasks]
    limit = str(data.get("train_rows"))
    return tasks, min(rows, int(limit)) if limit.isdigit() else rows
