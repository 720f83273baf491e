"""A task's rows: the table's columns that it names, in their notations, with what cannot be used set aside."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from types import ModuleType

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from configs.lookup import suggest
from datamodules.notations.lookup import load_notation
from datamodules.notations.worker import GuardedWorker
from datamodules.sources.rows import Rows, SetAside
from datamodules.tasks import Side, Task


@dataclass(frozen=True)
class TaskRows:
    """N usable rows of one task, and those that were set aside; together all rows of the source."""

    task: Task
    inputs: list[str]
    outputs: list[str]
    """Empty strings where only inputs are known (`predict`)."""
    alternatives: list[list[str]]
    """Other right inputs of each row; empty lists mostly."""
    identities: list[str]
    originals: list[str]
    """The inputs as they stand in the file."""
    lines: NDArray[np.int64]
    """(N,) line of each row in its file."""
    table_rows: NDArray[np.int64]
    """(N,) place of each row in the source's table."""
    file: str
    set_aside: list[SetAside]

    def __len__(self) -> int:
        return len(self.inputs)


def read_task(task: Task, rows: Rows, *, with_output: bool = True, forbidden: Sequence[str] = ()) -> TaskRows:
    """Take a task's columns out of a source.

    Rows of an unverified source are normalised (a molecule becomes its canonical SMILES) in a worker process that
    can be killed; what is empty, not valid, or holds a special token's text is set aside with the reason.

    Args:
        task: Names the columns.
        rows: The source's rows.
        with_output: False for prediction, where no output is known.
        forbidden: Special tokens' texts, which would end a prompt or a completion in its middle.

    Raises:
        ValueError: If a column does not exist; the message lists those that do.
    """
    aside: dict[int, str] = {}
    sides = [("input", task.input)] + ([("output", task.output)] if with_output else [])
    values: dict[str, list[str]] = {}
    raw: dict[str, list[str]] = {}
    lists: dict[str, list[list[str]]] = {}
    for name, side in sides:
        lists[name] = read_column(rows, side.column, name)
        raw[name] = [entry[0].strip() if entry else "" for entry in lists[name]]
        values[name], reasons = _normalize(side, raw[name], rows.verified)
        for place, text in enumerate(raw[name]):
            reason = f"empty {name}" if not text else reasons.get(place)
            if reason is None:
                reason = next(
                    (f"{name} holds the special token {token!r}" for token in forbidden if token in text),
                    None,
                )
            if reason:
                aside.setdefault(place, f"{side.column}: {reason}")
    kept = np.array([place for place in range(len(rows.table)) if place not in aside], dtype=np.int64)
    others = [entry[1:] for entry in lists["input"]]
    if task.input.alternatives is not None and task.input.alternatives in rows.table.column_names:
        others = [
            one + more
            for one, more in zip(others, read_column(rows, task.input.alternatives, "input"), strict=True)
        ]
    shown = raw["input"]
    set_aside = list(rows.set_aside) + [
        SetAside(rows.file, int(rows.lines[place]), reason, shown[place][:200])
        for place, reason in sorted(aside.items())
    ]
    inputs = [values["input"][place] for place in kept]
    outputs = [values["output"][place] for place in kept] if with_output else [""] * len(kept)
    result = TaskRows(
        task=task,
        inputs=inputs,
        outputs=outputs,
        alternatives=[
            [text for text in others[place] if not any(token in text for token in forbidden)]
            for place in kept
        ],
        identities=_identities(task, rows, kept, inputs, outputs),
        originals=[shown[place] for place in kept],
        lines=rows.lines[kept],
        table_rows=kept,
        file=rows.file,
        set_aside=set_aside,
    )
    assert len(result) + len(set_aside) == rows.total, "every row is kept or set aside"
    return result


def read_column(rows: Rows, name: str, side: str) -> list[list[str]]:
    """Return a column as one list of strings a row (a plain cell is a list of one)."""
    columns = rows.table.column_names
    if name not in columns:
        raise ValueError(
            f"--data.{side}_column {name!r} is not a column of {rows.file} (columns: {', '.join(columns)})."
            f"{suggest(name, columns)}"
        )
    column = rows.table.column(name)
    if pa.types.is_list(column.type) or pa.types.is_large_list(column.type):
        return [entry or [] for entry in column.to_pylist()]
    return [[value] if value else [] for value in column.to_pylist()]


def _normalize(side: Side, texts: list[str], verified: bool) -> tuple[list[str], dict[int, str]]:
    """Return the texts in the side's notation, and for those that are not valid the reason."""
    if side.convert_from:
        function = f"from_{side.convert_from}"
        if not hasattr(load_notation(side.notation), function):
            raise ValueError(
                f"The notation {side.notation!r} cannot be made from {side.convert_from!r}: it has no {function}()."
            )
    elif verified or side.notation == "text":
        return texts, {}
    else:
        function = "normalize"
    places = [place for place, text in enumerate(texts) if text]
    with GuardedWorker() as worker:
        results = worker.map(side.notation, function, [(texts[place],) for place in places])
    values, reasons = list(texts), {}
    for place, result in zip(places, results, strict=True):
        if result.error is None:
            values[place] = result.value
        else:
            reasons[place] = result.error.removeprefix("ValueError: ")
    return values, reasons


def _identities(
    task: Task, rows: Rows, kept: NDArray[np.int64], inputs: list[str], outputs: list[str]
) -> list[str]:
    """Return each row's identity: the task's column if the table has it, else the molecule's, else the input's text."""
    if task.identity is not None and task.identity.column in rows.table.column_names:
        values = read_column(rows, task.identity.column, "identity")
        texts = [values[place][0] if values[place] else "" for place in kept]
        return [text.split(task.identity.before)[0] for text in texts] if task.identity.before else texts
    for side, texts in ((task.input, inputs), (task.output, outputs)):
        module = load_notation(side.notation)
        if hasattr(module, "identity") and any(texts):
            return guarded_map(module, side.notation, "identity", texts)
    return inputs


def guarded_map(module: ModuleType, notation: str, function: str, texts: Sequence[str]) -> list[str]:
    """Return a notation's function of each text; the text itself where it fails or takes too long."""
    assert isinstance(getattr(module, function), Callable)  # type: ignore[arg-type]
    with GuardedWorker() as worker:
        results = worker.map(notation, function, [(text,) for text in texts])
    return [
        text if result.error is not None else result.value
        for text, result in zip(texts, results, strict=True)
    ]
