from __future__ import annotations

import gzip
import json
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from datamodules.sources import head
from datamodules.sources.head import HEAD_BYTES, read_head
from datamodules.sources.lookup import load_source
from datamodules.sources.tables import read

SMALL = "smiles,name\nCCO,ethanol\nCCN,ethanamine\n"
LONG = "smiles,name\n" + "CCO,ethanol\n" * HEAD_BYTES


def write(path: Path, text: str, encoding: str = "utf-8") -> str:
    data = text.encode(encoding)
    path.write_bytes(gzip.compress(data) if path.suffix == ".gz" else data)
    return str(path)


@pytest.mark.parametrize("text", [SMALL, LONG], ids=["small", "long"])
@pytest.mark.parametrize("name", ["a.csv", "a.csv.gz", "a.txt", "a.tsv"])
def test_columns_are_those_of_the_whole_file(tmp_path: Path, name: str, text: str) -> None:
    file = write(tmp_path / name, text.replace(",", "\t") if name.endswith("tsv") else text)
    found = read_head(file)
    assert found is not None
    assert found[:4] == (file, load_source(file).table.column_names, True, True)


def test_long_file_is_not_read_to_its_end(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    sizes = []
    load = read.load
    monkeypatch.setattr(
        head.read, "load", lambda path, options: sizes.append(path.stat().st_size) or load(path, options)
    )
    read_head(write(tmp_path / "a.csv", LONG * 3))
    assert sizes[0] <= HEAD_BYTES


def test_long_file_in_utf_16_has_its_columns(tmp_path: Path) -> None:
    found = read_head(write(tmp_path / "a.csv", LONG, "utf-16"))
    assert found is not None
    assert found.columns == ["smiles", "name"]


def test_header_alone_has_no_rows(tmp_path: Path) -> None:
    found = read_head(write(tmp_path / "a.csv", "smiles,name\n"))
    assert found is not None
    assert not found.has_rows


def test_jsonl_and_sdf_may_have_more_columns_further_down(tmp_path: Path) -> None:
    line = json.dumps({"smiles": "CCO", "name": "x" * 50}) + "\n"
    found = read_head(write(tmp_path / "a.jsonl", line * 9000))
    assert found is not None
    assert (found.columns, found.all_columns) == (["smiles", "name"], False)
    small = read_head(write(tmp_path / "b.jsonl", line * 9))
    assert small is not None
    assert small.all_columns


def test_parquet_is_read_from_its_index(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pq.write_table(pa.table({"smiles": ["C"], "name": ["methane"]}), tmp_path / "a.parquet")
    monkeypatch.setattr(head.read, "load", lambda *args: pytest.fail("read whole"))
    assert read_head(str(tmp_path / "a.parquet")) == (
        str(tmp_path / "a.parquet"),
        ["smiles", "name"],
        True,
        True,
        (),
    )
    (tmp_path / "cut.parquet").write_bytes((tmp_path / "a.parquet").read_bytes()[:-9])
    with pytest.raises(ValueError, match="expected a Parquet file"):
        read_head(str(tmp_path / "cut.parquet"))


def test_built_in_sources_have_their_columns_where_a_file_has_them() -> None:
    found = read_head("pubchem_small")
    assert found is not None
    assert "smiles" in found.columns
    assert read_head("dna_to_protein") is None


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("nope.csv", None, "No source"),
        ("x.doc", "a,b\n", "expected a file that ends in"),
        ("empty.csv", "", "the file is empty"),
        ("twice.csv", "a,a\n1,2\n", "come twice"),
        ("broken.csv", '"a,b\n1,2\n', "line 1"),
    ],
)
def test_file_that_cannot_be_read_is_the_error_of_its_reader(
    tmp_path: Path, name: str, content: str | None, message: str
) -> None:
    if content is not None:
        write(tmp_path / name, content)
    with pytest.raises(ValueError, match=message):
        read_head(str(tmp_path / name))


def test_error_in_a_long_file_names_the_file(tmp_path: Path) -> None:
    file = write(tmp_path / "twice.csv", LONG.replace("smiles,name", "a,a"))
    with pytest.raises(ValueError, match="come twice") as caught:
        read_head(file)
    assert str(caught.value).startswith(file)


def test_hub_is_left_alone_on_request() -> None:
    assert read_head("hf://datasets/owner/name/file.csv", fetch=False) is None
