"""Check the data's flags, and the columns of the tables by their first rows, before anything is made or loaded."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import fields
from pathlib import Path
from typing import Any

from configs.lookup import find_name
from datamodules.flag_tasks import choose_tasks, name_only_column, task_for_columns
from datamodules.formats import load_format
from datamodules.limits import LEAST, parse_shots, refuse_below, refuse_no_questions
from datamodules.rows.columns.conditions import ask_condition
from datamodules.rows.columns.tables import find_column
from datamodules.rows.read_and_split import SplitSettings, find_split_column, locations
from datamodules.sources.head import Head, read_head
from datamodules.sources.lookup import refuse_many
from datamodules.sources.tables.options import TableOptions
from datamodules.tasks import Task


def check_flags(data: Mapping[str, Any]) -> list[Task]:
    """Check the flags of the data that need no table, and return the tasks.

    Args:
        data: The flags by name, without `data.`; those that are missing have their defaults.

    Raises:
        ValueError: If a value is out of range, or no task, format, notation or encoding has the name.
    """
    refuse_below(**{name: data[name] for name in LEAST if isinstance(data.get(name), int)})
    parse_shots(data.get("shots") or 0)
    _table_options(data)
    _split_settings(data)
    if data.get("format") is not None:
        load_format(data["format"])
    folder = data.get("cache_dir")
    if folder and Path(folder).expanduser().is_file():
        raise ValueError(f"Expected --data.cache_dir to be a folder, but {folder} is a file.")
    names = (
        "task",
        "input_column",
        "output_column",
        "input_notation",
        "output_notation",
        "choices",
        "digits",
    )
    tasks, _ = choose_tasks(*(data.get(name) for name in names))
    return ask_condition(tasks, data.get("condition"))


def check_tables(command: str, data: Mapping[str, Any], *, fetch: bool = True) -> None:
    """Check that the tables of a subcommand exist, have a row, and have the columns.

    Args:
        command: The subcommand.
        data: As for `check_flags`.
        fetch: Whether a table on the Hub may be downloaded.

    Raises:
        ValueError: If `check_flags` does, or a table is missing, empty, cannot be read, or lacks a column.
    """
    tasks, options, settings = check_flags(data), _table_options(data), _split_settings(data)
    if command == "predict":
        path = refuse_no_questions(data.get("predict_path"))
        refuse_many(path)
        head = _read(path, options, fetch)
        if head is not None and (head.all_columns or len(tasks) > 1):
            columns = name_only_column(tasks, head.columns)
            task = task_for_columns(tasks, columns)
            for name in task.input.columns:
                find_column(name, columns, path, "input", head.notes)
        if not parse_shots(data.get("shots") or 0)[1]:
            return
    for task in tasks:
        for location, side in locations(task, data.get("source"), settings):
            head = _read(location, options, fetch)
            if head is None or not head.all_columns:
                continue
            if data.get("task") is None and not (data.get("input_column") or data.get("output_column")):
                _refuse_other_columns(task, head)
            _find_columns(task, head, find_split_column(task, settings, side, head.columns))


def _find_columns(task: Task, head: Head, split_column: str | None) -> None:
    wanted: Sequence[tuple[str, str]] = [
        *(("input", name) for name in task.input.columns),
        *(("output", name) for name in task.output.columns),
        *([("split", split_column)] if split_column is not None else []),
    ]
    for side, name in wanted:
        find_column(name, head.columns, head.file, side, head.notes)


def _refuse_other_columns(task: Task, head: Head) -> None:
    """Refuse a table without the columns of the default task, whose flags nobody gave."""
    missing = [
        name for name in (*task.input.columns, *task.output.columns) if find_name(name, head.columns) is None
    ]
    if missing:
        columns = ", ".join(repr(name) if "," in name else name for name in head.columns)
        raise ValueError(
            f"{head.file} has no column {missing[0]!r}, which the default task {task.name} reads (columns: {columns}): name "
            "yours with --data.input_column and --data.output_column."
        )


def _read(name: str, options: TableOptions, fetch: bool) -> Head | None:
    head = read_head(name, options, fetch=fetch)
    if head is not None and not head.has_rows:
        raise ValueError(f"{name}: expected at least one row below the header, but got none.")
    return head


def _table_options(data: Mapping[str, Any]) -> TableOptions:
    return TableOptions(**{name: data[name] for name in ("header", "encoding") if data.get(name) is not None})


def _split_settings(data: Mapping[str, Any]) -> SplitSettings:
    names = [item.name for item in fields(SplitSettings)]
    return SplitSettings(**{name: data[name] for name in names if data.get(name) is not None})
