from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from datamodules.making.chunks import Plan, make_rows, parts_of, read_provenance
from tests.helpers.runs import PROJECT
from tests.helpers.toy_recipe import BrokenToy, Toy, slow_toy, small_toy

PLAN = Plan(Toy, seed=0, chunk=50)


@pytest.fixture(scope="module")
def expected(tmp_path_factory: pytest.TempPathFactory) -> pa.Table:
    path = tmp_path_factory.mktemp("made") / "rows.parquet"
    make_rows(PLAN, 230, path, processes=1)
    return pq.read_table(path)


def test_rows_are_as_many_as_asked_for_without_duplicates_and_counted(
    expected: pa.Table, tmp_path: Path
) -> None:
    path = tmp_path / "rows.parquet"
    told: list[tuple[int, int]] = []
    made = make_rows(PLAN, 230, path, 1, lambda rows, chunks: told.append((rows, chunks)))
    numbers = pq.read_table(path)["number"].to_pylist()
    assert len(numbers) == len(set(numbers)) == made.rows == 230
    assert told[-1] == (230, made.chunks)
    found = read_provenance(path)
    assert {name: found[name] for name in ("recipe", "seed", "chunk", "most", "rows")} == {
        "recipe": "toy", "seed": 0, "chunk": 50, "most": 100_000, "rows": 230
    }  # fmt: skip
    methods = pq.read_table(path)["method"].to_pylist()
    assert {method: of["kept"] for method, of in found["methods"].items()} == {
        method: methods.count(method) for method in ("one", "other")
    }
    assert not parts_of(path).exists()


@pytest.mark.parametrize("processes", [2, 3])
def test_rows_are_the_same_for_any_number_of_processes(
    processes: int, expected: pa.Table, tmp_path: Path
) -> None:
    make_rows(PLAN, 230, tmp_path / "rows.parquet", processes)
    assert pq.read_table(tmp_path / "rows.parquet").equals(expected)
    assert (pq.read_schema(tmp_path / "rows.parquet").metadata or {}) == expected.schema.metadata


def test_duplicates_are_dropped_over_chunks_and_a_spent_recipe_ends(tmp_path: Path) -> None:
    made = make_rows(Plan(small_toy, 0, 50), 1000, tmp_path / "rows.parquet", 1)
    assert made.rows == 10
    assert sum(of["dropped"]["duplicate"] for of in made.counts.values()) > 100


def test_a_run_that_failed_goes_on_without_doing_a_chunk_twice(expected: pa.Table, tmp_path: Path) -> None:
    path = tmp_path / "rows.parquet"
    with pytest.raises(OSError, match="no more machine"):
        make_rows(PLAN._replace(recipe=BrokenToy), 230, path, 1)
    assert not path.exists()
    chunks = sorted(parts_of(path).glob("*.parquet"))
    assert [chunk.name for chunk in chunks] == ["000000.parquet", "000001.parquet"]
    written = [chunk.stat().st_mtime_ns for chunk in chunks]
    seen: list[list[int]] = []

    def look(rows: int, number: int) -> None:
        seen.append([chunk.stat().st_mtime_ns for chunk in chunks])

    make_rows(PLAN, 230, path, 1, look)
    assert seen[-1] == written
    assert pq.read_table(path).equals(expected)


def test_a_killed_run_goes_on_to_the_same_rows(expected: pa.Table, tmp_path: Path) -> None:
    path = tmp_path / "rows.parquet"
    code = (
        "from pathlib import Path; from datamodules.making.chunks import Plan, make_rows; "
        "from tests.helpers.toy_recipe import slow_toy\n"
        f"if __name__ == '__main__': make_rows(Plan(slow_toy, 0, 50), 230, Path({str(path)!r}), 2)"
    )
    script = tmp_path / "run.py"
    script.write_text(code)
    process = subprocess.Popen(
        [sys.executable, str(script)], cwd=PROJECT, env={**os.environ, "PYTHONPATH": str(PROJECT)}
    )
    deadline = time.monotonic() + 120
    while not list(parts_of(path).glob("0*.parquet")) and time.monotonic() < deadline:
        time.sleep(0.01)
    process.send_signal(signal.SIGKILL)
    process.wait()
    kept = list(parts_of(path).glob("0*.parquet"))
    assert kept
    assert not path.exists()
    make_rows(Plan(slow_toy, 0, 50), 230, path, 1)
    assert pq.read_table(path).equals(expected)


def test_chunks_of_another_plan_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "rows.parquet"
    with pytest.raises(OSError, match="no more machine"):
        make_rows(PLAN._replace(recipe=BrokenToy), 230, path, 1)
    with pytest.raises(
        ValueError, match=r"chunks of this plan, but its seed is 0 and not 1: remove the folder, or"
    ):
        make_rows(PLAN._replace(seed=1), 230, path, 1)


def test_a_process_that_fails_ends_the_run(tmp_path: Path) -> None:
    with pytest.raises(RuntimeError, match=r"has ended; .* Start the command again to go on"):
        make_rows(PLAN._replace(recipe=BrokenToy), 230, tmp_path / "rows.parquet", 2)


def test_other_files_have_no_provenance(tmp_path: Path) -> None:
    pq.write_table(pa.table({"a": ["b"]}), tmp_path / "a.parquet")
    assert read_provenance(tmp_path / "a.parquet") == {}
