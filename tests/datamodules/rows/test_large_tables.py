from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from datamodules.choices import Choices
from datamodules.rows import large_tables
from datamodules.rows.large_tables import read_large_task
from datamodules.rows.task_rows import COLUMNS, TaskRows, read_task
from datamodules.sources.rows import Rows, SetAside
from datamodules.storage import spill
from datamodules.tasks import Side, Task
from datamodules.tokens.control_tokens import ControlTokens
from datamodules.workers.worker_pool import WorkerPool

FORBIDDEN = ControlTokens(("</s>",))
COUNT = 40


def make_rows(**columns: list[Any]) -> Rows:
    """Return a table with one row that its source set aside."""
    table = pa.table(columns)
    lines = np.arange(2, table.num_rows + 2, dtype=np.int64)
    lost = [SetAside("x.csv", 99, "broken quotes", "")]
    return Rows(table, lines, "x.csv", lost, False, table.num_rows + 1, ("a note",))


def make_task(inputs: Side, outputs: Side, **options: Any) -> Task:
    return Task("t", inputs, outputs, ("Say.",), **options)


def write(rows: TaskRows) -> dict[str, Any]:
    """Return everything of a task's rows as plain values."""
    found: dict[str, Any] = {name: getattr(rows, name) for name in COLUMNS}
    plain = {
        name: column
        if column is None
        else [np.asarray(one).tolist() for one in (column[row] for row in range(len(rows)))]
        for name, column in found.items()
    }
    return {**plain, "aside": rows.set_aside, "notes": rows.notes, "file": rows.file, "count": len(rows)}


def texts(*some: str) -> list[str]:
    return [some[place % len(some)] + ("" if place % 3 else f" {place}") for place in range(COUNT)]


NUMBERS = [str(place / 4) for place in range(COUNT)]
WORDS = Side("a", "text"), Side("b", "text")
CASES: dict[str, tuple[Task, Rows]] = {
    "text": (make_task(*WORDS), make_rows(a=texts("x", " y ", "ä", ""), b=texts("1", "z</s>", "e\u0301"))),
    "numbers": (
        make_task(Side("a", "text"), Side("b", "number", digits=1)),
        make_rows(a=texts("x", "y"), b=[*NUMBERS[:-2], "nan", "NaN"]),
    ),
    "numbers and a word": (make_task(*WORDS), make_rows(a=texts("x"), b=["nan", *NUMBERS[:-2], "word"])),
    "numbers and a word in the input": (
        make_task(*WORDS), make_rows(a=["nan", *NUMBERS[:-2], "word"], b=texts("x"))
    ),
    "formulas": (
        make_task(Side("a", "text"), Side("b", "formula")),
        make_rows(a=[f"x{place}" for place in range(COUNT)], b=["C2H6O"] * 30 + ["CH3CH2OH", "OH2"] * 5),
    ),
    "molecules": (
        make_task(Side("a", "smiles"), Side("b", "text")),
        make_rows(a=["OCC", "CCO", "C1CC", "C[C@H](N)C(=O)O", "CCO title"] * 8, b=texts("n")),
    ),
    "several answers in some parts": (
        make_task(Side("a", "text"), Side("b", "text", separator="|")),
        make_rows(a=texts("x"), b=["one"] * 20 + ["one|two"] * 10 + ["one"] * 10),
    ),
    "a template, groups and choices": (
        make_task(
            Side("a", "text", template="{a} {c}"), Side("b", "text"), shots_from="c", choices=Choices(("1", "2"))
        ),
        make_rows(a=texts("x"), c=texts("g", "h"), b=["1", "2", "3", "1"] * 10),
    ),
    "identities inputs at first": (make_task(*WORDS), make_rows(a=["x"] * 30 + ["e\u0301"] * 10, b=texts("z"))),
}  # fmt: skip


@pytest.fixture(scope="module")
def pool() -> Any:
    with WorkerPool(1) as pool:
        yield pool


@pytest.mark.parametrize("size", [7, 39])
@pytest.mark.parametrize("case", CASES)
def test_rows_of_parts_are_those_of_the_whole_table(
    case: str, size: int, pool: WorkerPool, monkeypatch: pytest.MonkeyPatch
) -> None:
    task, rows = CASES[case]
    expected = write(read_task(task, rows, forbidden=FORBIDDEN, pool=pool))
    monkeypatch.setattr(spill, "PART", size)
    counts: list[int] = []
    read = large_tables.read_cells

    def read_part(task: Task, part: Rows, **options: Any) -> Any:
        counts.append(part.table.num_rows)
        return read(task, part, **options)

    monkeypatch.setattr(large_tables, "read_cells", read_part)
    found = read_large_task(task, rows, FORBIDDEN, pool)
    assert write(found) == expected
    assert max(counts) == size
    assert sum(counts) == COUNT


@pytest.mark.parametrize("case", ["molecules", "several answers in some parts"])
def test_rows_that_are_checked_on_a_cluster_are_the_same(
    case: str, pool: WorkerPool, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("ray")
    task, rows = CASES[case]
    expected = write(read_task(task, rows, forbidden=FORBIDDEN, pool=pool))
    monkeypatch.setattr(spill, "PART", 7)
    assert write(read_large_task(task, rows, FORBIDDEN, pool, "ray")) == expected


def test_columns_of_plain_text_share_one_file(pool: WorkerPool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(spill, "PART", 7)
    task, rows = CASES["text"]
    read = read_large_task(task, rows, FORBIDDEN, pool)
    assert read.originals is read.inputs
    task, rows = CASES["molecules"]
    read = read_large_task(task, rows, FORBIDDEN, pool)
    assert read.originals is not read.inputs


def test_rows_that_are_taken_from_a_large_table_are_the_same(
    pool: WorkerPool, monkeypatch: pytest.MonkeyPatch
) -> None:
    task, rows = CASES["several answers in some parts"]
    whole = read_task(task, rows, forbidden=FORBIDDEN, pool=pool)
    places = np.random.default_rng(0).permutation(len(whole))[:30]
    expected = write(whole.take(places))
    monkeypatch.setattr(spill, "PART", 7)
    monkeypatch.setattr(spill, "BLOCK", 4)
    assert write(read_large_task(task, rows, FORBIDDEN, pool).take(places)) == expected
    few = {3: "a reason", 1: "another"}
    assert len(read_large_task(task, rows, FORBIDDEN, pool).without(few)) == len(whole) - 2


@pytest.mark.parametrize("what", ["lists", "mask", "alternatives"])
def test_tables_whose_parts_need_the_whole_are_read_whole(
    what: str, pool: WorkerPool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(spill, "PART", 7)
    monkeypatch.delattr(large_tables, "read_cells")
    task, rows = CASES["text"]
    if what == "lists":
        rows = make_rows(a=[[text] for text in texts("x")], b=texts("y"))
    elif what == "mask":
        task = make_task(Side("a", "smiles", mask="spans"), Side("a", "smiles"))
        rows = make_rows(a=["CCCCOC(C)C"] * COUNT)
    else:
        task = make_task(replace(WORDS[0], alternatives="c"), WORDS[1])
    assert len(read_large_task(task, rows, FORBIDDEN, pool))
