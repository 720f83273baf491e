"""Read tables of predictions as verdicts by question, so that runs can be compared row by row."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path

from datamodules.notations._unicode import compose
from datamodules.storage.safe_csv import read_csv

Answers = dict[tuple[str, str, str, int], dict[str, bool]]
"""Verdicts by name for each (task, input, target, number of such rows before it)."""


def read_answers(rows: Sequence[Mapping[str, str]]) -> Answers:
    """Return the verdicts of a prediction table: `same_...` as `exact_match...` and `round_trip...`, and the validity.

    The validity is called `readable` for names that OPSIN was to read, and `valid` for all other answers, so that a run whose
    names OPSIN read is not compared with one whose names it did not read.

    Raises:
        ValueError: If a verdict is neither `true` nor `false` (in any case: spreadsheets write TRUE) nor an empty cell.
    """
    answers: Answers = {}
    seen: Counter[tuple[str, str, str]] = Counter()
    for number, row in enumerate(rows, start=2):
        question = (row["task"], compose(row["input"]), compose(row["target"]))
        key = (*question, seen[question])
        seen[question] += 1
        same = {
            _metric(name): _verdict(name, cell, number)
            for name, cell in row.items()
            if name.startswith("same_") and cell
        }
        answers[key] = same | {
            "readable" if row.get("same_round_trip") else "valid": row["verdict"] != "invalid"
        }
    return answers


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
    """Return the rows and the name of a prediction table: the given file, or the latest one in a run's folder.

    A table of `test` is preferred to one of `validate`, and that to one of `fit`.

    Raises:
        ValueError: If there is no table with rows.
    """
    folders = [run / part / "predictions" for part in ("test", "validate", ".")]
    files = (
        [run]
        if run.is_file()
        else [path for folder in folders for path in sorted(folder.glob("*_epoch_*.csv"), key=_age)]
    )
    rows = read_csv(files[0]) if files else []
    if not rows:
        raise ValueError(
            f"{run}: expected a prediction table, or a run's folder with one, but found none: "
            f"run `python train.py test --ckpt_path {run}/checkpoints/best.ckpt`."
        )
    return rows, "/".join(files[0].parts[-3:]) if files[0] != run else run.name


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
