from __future__ import annotations

import base64
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from bench.studies.verdicts import pack_verdicts, paired_table, unpack_verdicts
from callbacks.reports.compare.pairs import compare_verdicts
from datamodules.storage.safe_csv import write_csv

COLUMNS = ("task", "input", "target", "verdict", "same_string")


def write_run(folder: Path, rows: list[tuple[str, str, bool]]) -> Path:
    lines = [
        dict(zip(COLUMNS, (task, given, "x", "wrong", right), strict=True)) for task, given, right in rows
    ]
    write_csv(folder / "test" / "predictions" / "test_epoch_1.csv", COLUMNS, lines)
    return folder


def result(verdicts: np.ndarray, rows: str = "a", seed: int = 0, **flags: Any) -> dict[str, Any]:
    bits = base64.b64encode(np.packbits(verdicts).tobytes()).decode()
    tested = {"rows": len(verdicts), "metrics": {}, "verdicts": {"rows": rows, "exact": bits}}
    return {"flags": {**flags, "seed_everything": seed}, "test": {"t": tested}}


def test_verdicts_read_back_whatever_the_order_of_the_rows(tmp_path: Path) -> None:
    rows = [("t", f"{number:02}", number % 3 == 0) for number in range(19)] + [
        ("u", "a", True),
        ("t", "00", False),
    ]
    packed = pack_verdicts(write_run(tmp_path / "a", rows))
    wanted = [
        True,
        False,
        *(number % 3 == 0 for number in range(1, 19)),
    ]  # the row that is there twice stays two rows
    assert unpack_verdicts(packed["t"], 20).tolist() == wanted
    assert unpack_verdicts(packed["u"], 1).tolist() == [True]
    moved = [*rows[5:19], *rows[:5], *rows[19:]]
    assert pack_verdicts(write_run(tmp_path / "b", moved)) == packed
    other = pack_verdicts(write_run(tmp_path / "c", [("t", f"{number:02}", True) for number in range(20)]))
    assert other["t"]["rows"] != packed["t"]["rows"]


def test_settings_are_compared_row_by_row_with_the_best() -> None:
    rng = np.random.default_rng(0)
    good, other = rng.random(1_127) < 0.5, rng.random(1_127) < 0.3
    table = paired_table([result(other, a="x"), result(good, a="y")], "t")
    assert table is not None
    found = compare_verdicts("t", "exact_match", good, other)
    header, _, line = table.splitlines()
    assert "points against y" in header
    assert f"{100 * found.difference:+.1f} ({100 * found.low:+.1f} to {100 * found.high:+.1f})" in line
    assert [cell.strip() for cell in line.split("|")[3:6]] == [
        str(found.only_first),
        str(found.only_second),
        "<0.0001",
    ]


@pytest.mark.parametrize("lacking", ["one setting", "other rows", "two seeds", "verdicts"])
def test_settings_without_pairs_are_not_compared(lacking: str) -> None:
    right = np.array([True, False, True])
    first, second = result(right, a=1), result(~right, a=2)
    results = {
        "one setting": [first],
        "other rows": [first, result(right, rows="b", a=2)],
        "two seeds": [first, second, result(right, seed=1, a=2)],
        "verdicts": [first, {**second, "test": {"t": {"rows": 3, "metrics": {}}}}],
    }[lacking]
    assert paired_table(results, "t") is None
    assert paired_table([first, second], "t") is not None
