from __future__ import annotations

from pathlib import Path

import pytest

from datamodules.sources.tables.encoding import find_encoding
from datamodules.sources.tables.options import TableOptions
from datamodules.sources.tables.read import load

TEXT = "name,größe\nMüller,1\nŠkoda,2\n"


@pytest.mark.parametrize(
    ("encoding", "note"),
    [
        ("utf-8", None),
        ("utf-8-sig", None),
        ("cp1252", "read as cp1252 (it is not UTF-8), e.g. 'name,größe'; another: --data.encoding NAME"),
        (
            "utf-16",
            "read as utf-16 (by its byte order mark), e.g. 'name,größe'; another: --data.encoding NAME",
        ),
        (
            "utf-16-le",
            "read as utf-16-le (every second byte is a NUL), e.g. 'name,größe'; another: --data.encoding NAME",
        ),
        (
            "utf-16-be",
            "read as utf-16-be (every second byte is a NUL), e.g. 'name,größe'; another: --data.encoding NAME",
        ),
        (
            "utf-32",
            "read as utf-32 (by its byte order mark), e.g. 'name,größe'; another: --data.encoding NAME",
        ),
    ],
)
@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_text_comes_back_and_a_decision_is_told(
    tmp_path: Path, encoding: str, note: str | None, end: str
) -> None:
    (tmp_path / "rows.csv").write_bytes(TEXT.replace("\n", end).encode(encoding))
    rows = load(tmp_path / "rows.csv")
    assert rows.table.to_pydict() == {"name": ["Müller", "Škoda"], "größe": ["1", "2"]}
    assert rows.notes == (() if note is None else (note,))
    assert rows.set_aside == []


@pytest.mark.parametrize("name", ["rows.jsonl", "rows.smi", "rows.txt"])
def test_every_text_format_is_decoded(tmp_path: Path, name: str) -> None:
    content = {
        "rows.jsonl": '{"smiles": "CCO", "title": "Grün"}',
        "rows.smi": "CCO Grün",
        "rows.txt": "smiles\ttitle\nCCO\tGrün",
    }
    (tmp_path / name).write_bytes(content[name].encode("cp1252"))
    rows = load(tmp_path / name)
    assert rows.table.to_pylist() == [{"smiles": "CCO", "title": "Grün"}]
    assert any("cp1252" in note for note in rows.notes)


def test_the_flag_decides(tmp_path: Path) -> None:
    (tmp_path / "rows.csv").write_bytes("id,name\n1,Привет\n".encode("cp1251"))
    rows = load(tmp_path / "rows.csv", TableOptions(encoding="cp1251"))
    assert (rows.table["name"].to_pylist(), rows.notes) == (["Привет"], ())
    with pytest.raises(
        ValueError, match=r"expected text in utf-16, but it cannot be read .*--data\.encoding cp1252"
    ):
        load(tmp_path / "rows.csv", TableOptions(encoding="utf-16"))


@pytest.mark.parametrize(
    ("data", "encoding"),
    [
        (b"a\xff", "utf-8"),  # damage
        ("é".encode() + b"\xe9", "utf-8"),  # damaged UTF-8: its broken row is skipped
        (b"a\xed\xa0\x80", "utf-8"),  # half of a pair, as some programs write it
        (b"a\xe9b\xe8", "cp1252"),
        (b"a\xe9\x81", "latin-1"),
        (b"", "utf-8"),
        (b"a\0b", "utf-8"),
    ],
)
def test_find_encoding(data: bytes, encoding: str) -> None:
    assert find_encoding(data)[0] == encoding
