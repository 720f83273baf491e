from __future__ import annotations

import gzip
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from datamodules.sources.rows import Rows
from datamodules.sources.tables.read import load
from datamodules.sources.tables.text import inflate


def read(folder: Path, content: bytes, name: str = "rows.csv") -> Rows:
    path = folder / name
    path.write_bytes(content)
    return load(path)


@pytest.mark.parametrize(
    ("name", "content"),
    [("r.csv.gz", b"a,b\n1,2\n"), ("r.tsv.gz", b"a\tb\n1\t2\n"), ("R.JSONL.GZ", b'{"a":"1","b":2}\n')],
)
def test_gzipped_text(tmp_path: Path, name: str, content: bytes) -> None:
    assert read(tmp_path, gzip.compress(content), name).table.to_pylist() == [{"a": "1", "b": "2"}]


def test_gzip_members_and_padding_are_joined(tmp_path: Path) -> None:
    content = gzip.compress(b"a,b\n1,") + gzip.compress(b"2\n3,4\n") + b"\0" * 100
    assert read(tmp_path, content, "r.csv.gz").table.to_pydict() == {"a": ["1", "3"], "b": ["2", "4"]}


@pytest.mark.parametrize("name", ["r.csv.gz", "r.jsonl.gz"])
def test_a_cut_gzip_keeps_the_rows_before_the_cut(tmp_path: Path, name: str) -> None:
    lines = [b"a,b", *(b"%d,%d" % (number, number * 7919 % 10_007) for number in range(20_000))]
    if "jsonl" in name:
        lines = [b'{"a": "%s", "b": %s}' % tuple(line.split(b",")) for line in lines[1:]]
    content = gzip.compress(b"\n".join(lines) + b"\n")
    rows = read(tmp_path, content[: len(content) // 2], name)
    assert rows.table.num_rows > 5_000
    assert rows.table["a"].to_pylist() == [str(number) for number in range(rows.table.num_rows)]
    (item,) = rows.set_aside
    assert item.reason == "the gzip file is cut off here"
    assert item.line == rows.lines[-1] + 1


def test_a_damaged_gzip_keeps_what_came_before(tmp_path: Path) -> None:
    content = bytearray(
        gzip.compress(b"a,b\n" + b"".join(b"%d,%d\n" % (n, n * 7919 % 10_007) for n in range(50_000)))
    )
    content[len(content) // 2 :] = b"\xff" * 1000
    rows = read(tmp_path, bytes(content), "r.csv.gz")
    assert rows.table.num_rows > 1_000
    assert rows.set_aside[-1].reason.startswith("the gzip file is damaged here")


@pytest.mark.parametrize("content", [b"a,b\n1,2\n", b"\x1f\x8b"])
def test_what_is_no_gzip_is_an_error(tmp_path: Path, content: bytes) -> None:
    with pytest.raises(
        ValueError, match=r"expected gzipped text, but the gzip file is .*: copy or compress it again"
    ):
        read(tmp_path, content, "r.csv.gz")


@given(content=st.binary(max_size=20_000))
def test_inflate_undoes_gzip(content: bytes) -> None:
    assert inflate(gzip.compress(content)) == (content, "")
