"""Answers that are written while they are taken in turn are, byte for byte, those that were written at once."""

from __future__ import annotations

import gzip
import random
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from datamodules.sources.lookup import load_source
from datamodules.sources.output import text
from datamodules.sources.output.write import write_answers
from tests.helpers import whole_answers

COLUMNS = ("line", "prediction", "score", "valid", "reason", "wordings", "never")
ODD = ["CCO", "=1+1", "a,b", 'q"t', "é\u2028", "x\ry", "\udc80", "", " b ", "-3.5", "'c"]


class OnDisk(Sequence[Any]):
    """Records that are made anew each time, as those of a journal are."""

    def __init__(self, records: list[dict[str, Any]]) -> None:
        self.records, self.most, self.held = records, 0, 0

    def __len__(self) -> int:
        return len(self.records)

    def __getitem__(self, place: Any) -> Any:
        return dict(self.records[place])

    def __iter__(self) -> Iterator[Any]:
        return (dict(record) for record in self.records)


def make_source(folder: Path, suffix: str) -> Path:
    draw, path = random.Random(1), folder / f"in{suffix}"
    cells = [
        [str(number), draw.choice(["CCO", "C", "=O"]), draw.choice(["", "x;y", "é"])]
        for number in range(2500)
    ]
    if suffix == ".parquet":
        table = pa.table({"id": pa.array(range(2500), pa.int32()), "smiles": [row[1] for row in cells]})
        pq.write_table(table, path, row_group_size=700)
    elif suffix == ".jsonl":
        lines = [
            f'{{"id": {row[0]}.50, "smiles": "{row[1]}"}}' if int(row[0]) % 50 else "{broken" for row in cells
        ]
        path.write_text("\n".join(lines) + "\n")
    else:
        mark, end = (("\t", "\n") if ".tsv" in suffix else (";", "\r\n")) if suffix != ".smi" else (" ", "\n")
        lines = [mark.join(row if suffix != ".smi" else [row[1], f"m{row[0]}"]) for row in cells]
        lines[7] = mark if suffix != ".smi" else ""  # a row that cannot be read
        head = [] if suffix == ".smi" else [mark.join(("id", "smiles", "line"))]
        data = end.join([*head, *lines, ""]).encode()
        path.write_bytes(gzip.compress(data) if suffix.endswith(".gz") else data)
    return path


def make_records(path: Path) -> list[dict[str, Any]]:
    rows, draw = load_source(str(path)), random.Random(2)
    records = [
        {
            "line": line,
            "prediction": draw.choice(ODD if ".parquet" not in path.name else ODD[:6]),
            "score": round(-9 * draw.random(), 6),
            "valid": draw.random() < 0.5,
            "reason": None if place < 2000 else "why",  # all of the first parts have none
            "wordings": [] if place < 1500 else ["a", "b"],
        }
        for place, line in enumerate(rows.lines.tolist())
    ]
    records += [{"line": row.line, "prediction": None, "reason": row.reason} for row in rows.set_aside]
    return sorted(records, key=lambda record: record["line"])


@pytest.mark.parametrize("suffix", [".csv", ".csv.gz", ".tsv", ".smi", ".jsonl", ".parquet"])
@pytest.mark.parametrize("output", [".csv", ".tsv", ".csv.gz", ".jsonl", ".jsonl.gz", ".parquet"])
def test_streamed_answers_are_the_bytes_of_those_written_at_once(
    tmp_path: Path, suffix: str, output: str
) -> None:
    path = make_source(tmp_path, suffix)
    records, rows = make_records(path), load_source(str(path))
    if output == ".parquet":
        records = [record for record in records if record["prediction"] != "\udc80"]
    ours, theirs = tmp_path / f"ours{output}", tmp_path / f"theirs{output}"
    notes = write_answers(ours, str(path), rows, COLUMNS, OnDisk(records))
    assert notes == whole_answers.write_answers(theirs, str(path), rows, COLUMNS, records)
    if output.endswith(".gz"):
        assert gzip.decompress(ours.read_bytes()) == gzip.decompress(theirs.read_bytes())
        assert ours.read_bytes()[8:] == theirs.read_bytes()[8:]  # the time stands before
    else:
        assert ours.read_bytes() == theirs.read_bytes()


def test_excel_gets_the_same_cells(tmp_path: Path) -> None:
    openpyxl = pytest.importorskip("openpyxl", reason="needs the extra xlsx")
    path = make_source(tmp_path, ".csv")
    records = [
        one for one in make_records(path)[:60] if one["prediction"] != "\udc80"
    ]  # which no Excel file can hold
    rows, cells = load_source(str(path)), []
    for name, write in (("ours", write_answers), ("theirs", whole_answers.write_answers)):
        write(tmp_path / f"{name}.xlsx", str(path), rows, COLUMNS, OnDisk(records))
        sheet = openpyxl.load_workbook(tmp_path / f"{name}.xlsx").active
        cells.append([list(row) for row in sheet.iter_rows(values_only=True)])
    assert cells[0] == cells[1]


def test_only_a_part_of_the_records_is_in_memory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = make_source(tmp_path, ".csv")
    sizes = []
    join = text.in_parts
    monkeypatch.setattr(
        text, "in_parts", lambda records: (sizes.append(len(part)) or part for part in join(records))
    )
    write_answers(
        tmp_path / "out.csv", str(path), load_source(str(path)), COLUMNS, OnDisk(make_records(path))
    )
    assert sizes == [1000, 1000, 500]
