"""Stress test 5: each row is counted and written once, on any number of ranks."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from callbacks.statistics.intervals import wilson_interval
from datamodules.storage.safe_csv import read_csv
from tests.helpers.runs import PROJECT
from tests.stress.counting import RIGHT, input_of


def evaluate(folder: Path, worlds: list[int], sizes: list[int]) -> None:
    """Evaluate on each number of rows with each number of ranks."""
    result = subprocess.run(
        [
            sys.executable,
            "-m",
            "tests.stress.counting",
            *(",".join(map(str, numbers)) for numbers in (worlds, sizes)),
        ],
        cwd=folder,
        env={
            **os.environ,
            "PYTHONPATH": str(PROJECT),
            "OMP_NUM_THREADS": "1",
            "TOKENIZERS_PARALLELISM": "false",
        },
        capture_output=True,
        text=True,
        timeout=60 + 60 * len(worlds) * len(sizes),
        check=False,
    )
    assert result.returncode == 0, result.stderr[-3000:]


def check_counts(folder: Path, world: int, rows: int) -> None:
    """Fail unless validate, test and predict of `rows` rows on `world` ranks counted and wrote each row once."""
    run = folder / f"{world}x{rows}"
    metrics = json.loads((run / "metrics.json").read_text())
    right = len(range(0, rows, RIGHT))
    for side, stage in (("val", "validate"), ("test", "test")):
        [table] = (run / stage / "predictions").glob("*.csv")
        written = read_csv(table)
        assert [int(row["row"]) for row in written] == list(range(rows))
        assert sorted(row["input"] for row in written) == sorted(input_of(row) for row in range(rows))
        assert sum(row["prediction"] == row["target"] for row in written) == right
        low, high = wilson_interval(right, rows)  # tells 1 of 3 from 2 of 6
        for name, value in (
            ("exact_match", right / rows),
            ("exact_match_low", low),
            ("exact_match_high", high),
        ):
            assert metrics[f"{side}/in_to_out/{name}"] == pytest.approx(value, rel=1e-6), name
        alone = json.loads((folder / f"1x{rows}" / "metrics.json").read_text())
        assert metrics[f"{side}/loss"] == pytest.approx(alone[f"{side}/loss"], rel=1e-6)
    answered = read_csv(run / "predict" / "predictions" / f"new{rows}.csv")
    assert [int(row["line"]) for row in answered] == list(range(2, rows + 2))
    assert [row["input"] for row in answered] == [input_of(row) for row in range(rows)]
    assert [row["prediction"] for row in answered] == [
        "wrong" if row % RIGHT else f"y{row}" for row in range(rows)
    ]


@pytest.mark.pitfall(3)
@pytest.mark.parametrize(
    ("worlds", "sizes"),
    [([1, 2, 4], [1, 5, 8]), pytest.param([1, 2, 3, 4], list(range(1, 34)), marks=pytest.mark.stress)],
    ids=["some", "all"],
)
def test_each_row_is_counted_and_written_once(
    tmp_path: Path, record_tries: Callable[..., None], worlds: list[int], sizes: list[int]
) -> None:
    evaluate(tmp_path, worlds, sizes)
    record_tries(
        5, "N rows on W ranks: each is counted and written once by validate, test and predict",
        [(world, rows) for world in worlds for rows in sizes],
        lambda case: check_counts(tmp_path, *case),
        "N in 1..33, W in 1..4",
    )  # fmt: skip
