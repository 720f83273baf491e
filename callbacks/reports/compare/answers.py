"""Read tables of predictions as verdicts by question, so that runs can be compared row by row."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from configs.program import spell
from datamodules.notations._unicode import compose
from datamodules.storage.safe_csv import read_csv

Key = tuple[str, str, str, int]
"""A question: task, input, target, number of such rows before it."""
Answers = dict[Key, dict[str, bool]]
"""Verdicts by name for each question."""
SIDES = {"test": "test", "validate": "validate", "fit": "."}
"""What writes tables of predictions, the preferred first, and its folder in the run's."""


def read_answers(rows: Sequence[Mapping[str, str]]) -> Answers:
    """Return the verdicts of a prediction table: `same_...` as `exact_match...` and `round_trip...`, and the validity.

    The validity is called `readable` for names that OPSIN was to read, and `valid` for all other answers, so that a run whose
    names OPSIN read is not compared with one whose names it did not read.

    Raises:
        ValueError: If a verdict is neither `true` nor `false` (in any case: spreadsheets write TRUE) nor an empty cell.
    """
    answers: Answers = {}
    for number, (key, row) in enumerate(key_rows(rows).items(), start=2):
        same = {
            _metric(name): _verdict(name, cell, number)
            for name, cell in row.items()
            if name.startswith("same_") and cell
        }
        by_opsin = row.get("same_round_trip") and row.get("output_notation", "iupac") == "iupac"
        answers[key] = same | {"readable" if by_opsin else "valid": row["verdict"] != "invalid"}
    return answers


def key_rows(rows: Iterable[Mapping[str, str]]) -> dict[Key, Mapping[str, str]]:
    """Return the rows of a prediction table by their questions, in the table's order."""
    found: dict[Key, Mapping[str, str]] = {}
    seen: Counter[tuple[str, str, str]] = Counter()
    for row in rows:
        question = (row["task"], compose(row["input"]), compose(row["target"]))
        task, given, target = question
        found[task, given, target, seen[question]] = row
        seen[question] += 1
    return found


def _verdict(column: str, cell: str, number: int) -> bool:
    if cell.lower() not in ("true", "false"):
        raise ValueError(
            f"row {number}, {column}: expected true, false or an empty cell, but got {cell[:50]!r}."
        )
    return cell.lower() == "true"


def _metric(column: str) -> str:
    notion = column.removeprefix("same_")
    if notion.startswith("round_trip"):
        return notion
    return "exact_match" if notion == "string" else f"exact_match_{notion}"


def find_table(run: Path) -> tuple[list[dict[str, str]], str]:
    """Return the rows and the name of a prediction table: the given file, or the one of a run's folder.

    A table of `test` is preferred to one of `validate`, and that to one of `fit`. Of several tables of a side the latest is
    taken; of `fit`, that of the exported weights.

    Raises:
        ValueError: If there is no table with rows.
    """
    return _read_table(run, SIDES)


def find_tables(runs: Sequence[Path]) -> list[tuple[list[dict[str, str]], str]]:
    """Return the tables of several runs as `find_table` does, all of the same side if they have a side in common."""
    folders = [run for run in runs if not run.is_file()]
    common = [side for side in SIDES if folders and all(side in list_tables(run) for run in folders)]
    return [_read_table(run, [*common, *SIDES]) for run in runs]


def list_tables(run: Path) -> dict[str, Path]:
    """Return the prediction table of each side of a run's folder: `test`, `validate`, `fit`."""
    found = {}
    for side, below in SIDES.items():
        tables = sorted((run / below / "predictions").glob("*_epoch_*.csv"), key=_age)
        if side == "fit" and (exported := _read_exported_epoch(run)) is not None:
            tables.sort(key=lambda path: _age(path) != -exported)
        if tables:
            found[side] = tables[0]
    return found


def _read_table(run: Path, sides: Iterable[str]) -> tuple[list[dict[str, str]], str]:
    tables = list_tables(run)
    file = run if run.is_file() else next((tables[side] for side in sides if side in tables), None)
    rows = read_csv(file) if file else []
    if not rows or file is None:
        raise ValueError(
            f"{run}: expected a prediction table, or a run's folder with one, but found none: "
            f"run `{spell('test', '--ckpt_path', run / 'checkpoints/best.ckpt')}`."
        )
    return rows, "/".join(file.parts[-3:]) if file != run else run.name


def _read_exported_epoch(run: Path) -> int | None:
    """Return the epoch of the weights that a fit exported; None if it has not ended, or says something else."""
    try:
        epoch = json.loads((run / "summary.json").read_text(encoding="utf-8"))["fit"]["epoch"]
    except (OSError, ValueError, KeyError, TypeError):
        return None
    return epoch if isinstance(epoch, int) else None


def _age(path: Path) -> int:
    """Return a sort key that puts later epochs first, and files with other names last."""
    epoch = path.stem.rpartition("_")[2]
    return -int(epoch) if epoch.isdecimal() else 1


def answers_of(rows: Sequence[Mapping[str, str]], path: Path) -> Answers:
    """Return the verdicts of a table; errors name its path."""
    try:
        return read_answers(rows)
    except KeyError as error:
        raise ValueError(
            f"{path}: expected a prediction table as `test` writes it, but it has no column {error}."
        ) from error
    except ValueError as error:
        raise ValueError(f"{path}: {error}") from error
