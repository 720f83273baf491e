from __future__ import annotations

from io import StringIO
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from datamodules.sources.tables import delimited, file_lines
from datamodules.sources.tables.file_lines import FileLines, index_lines
from datamodules.sources.tables.options import TableOptions
from datamodules.sources.tables.text import read_text

PIECES = st.sampled_from(
    [
        "a,b",
        '"x,y",z',
        '"two',
        'lines",q',
        "a",
        "ä,ö",
        "\n",
        "\n",
        "\n",
        "\r\n",
        "\r\r\n",
        "\r",
        " , ",
        '"a"b,c',
        "sep=;\n",
    ]
)


def read(content: bytes, folder: Path, large: int, every: int, block: int = 7) -> object:
    """Return what is read of a file, or the error."""
    path = folder / "table.csv"
    path.write_bytes(content)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(file_lines, "LARGE", large)
        patch.setattr(file_lines, "_EVERY", every)
        patch.setattr(file_lines, "_BLOCK", block)
        patch.setattr(delimited, "_CHUNK", 4)
        try:
            rows = delimited.read(path, TableOptions())
        except ValueError as error:
            return str(error)
    return (
        rows.table.to_pydict(),
        rows.table.schema,
        rows.lines.tolist(),
        rows.set_aside,
        rows.total,
        rows.notes,
    )


@settings(deadline=None, max_examples=200)
@given(pieces=st.lists(PIECES, max_size=40), every=st.integers(1, 5))
def test_large_files_are_read_as_small_ones(
    pieces: list[str], every: int, tmp_path_factory: pytest.TempPathFactory
) -> None:
    folder = tmp_path_factory.getbasetemp()
    content = "".join(["a,b\n", *pieces]).encode()
    assert read(content, folder, 0, every) == read(content, folder, 1 << 40, every)


@pytest.mark.parametrize(
    "content",
    [
        b"\xef\xbb\xbfa,b\n1,2\n", "a,b\nx,ä\n".encode("cp1252"), "a,b\n1,2\n".encode("utf-16"), b"a,b\n1,\0\n",
        b"a,b\r1,2\r", b"a,b\n1,\xff\n\xc3\xa4,2\n", "a,b\n1,ä".encode()[:-1],
    ],
)  # fmt: skip
def test_files_that_are_not_plain_are_left_to_the_reader_of_whole_files(
    content: bytes, tmp_path: Path
) -> None:
    path = tmp_path / "table.csv"
    path.write_bytes(content)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(file_lines, "LARGE", 0)
        assert index_lines(path) is None
    assert read(content, tmp_path, 0, 2) == read(content, tmp_path, 1 << 40, 2)


def test_lines_of_a_file_are_had_by_number_and_slice(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "x.csv"
    path.write_bytes(b"".join(b"%d\r\n" % number for number in range(25)))
    monkeypatch.setattr(file_lines, "LARGE", 0)
    monkeypatch.setattr(file_lines, "_EVERY", 10)
    found = index_lines(path)
    assert isinstance(found, FileLines)
    expected = list(StringIO(read_text(path, TableOptions()).text, newline="\n"))
    assert len(found) == 25
    assert list(found) == expected
    assert found[7:22] == expected[7:22]
    assert found[20:99] == expected[20:]
    assert found[3] == "3\n"
    with pytest.raises(IndexError):
        found[25]


def test_small_files_are_not_indexed(tmp_path: Path) -> None:
    path = tmp_path / "x.csv"
    path.write_bytes(b"a\nb\n")
    assert index_lines(path) is None
