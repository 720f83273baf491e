from __future__ import annotations

import unicodedata
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from datamodules.rows.columns.tables import read_column
from datamodules.rows.task_rows import TaskRows, read_task
from datamodules.sources.rows import Rows
from datamodules.sources.tables.read import load
from datamodules.tasks import Side, Task


def rows_of(**columns: list[str]) -> Rows:
    table = pa.table({name: pa.array(cells, pa.string()) for name, cells in columns.items()})
    lines = np.arange(2, 2 + table.num_rows, dtype=np.int64)
    return Rows(table, lines, "my.csv", [], verified=False, total=table.num_rows)


def read(rows: Rows, **notations: str) -> TaskRows:
    first, second = rows.table.column_names[:2]
    sides = [Side(column=name, notation=notations.get(name, "text")) for name in (first, second)]
    return read_task(Task("t", *sides), rows)


def reasons(rows: TaskRows) -> dict[int, str]:
    return {item.line: item.reason for item in rows.set_aside}


def test_titles_and_drawing_hints_go_with_a_note_and_what_changes_a_molecule_stays_out() -> None:
    rows = rows_of(
        smiles=[
            "OCC ethanol",
            "CCN |$_AV:1;2;N$|",
            "C[C@@H](O)CC |&1:1,r|",
            "CC O",
            "CCCC  m5",
            "CCC",
            "CCC",
            "C1CC x",
        ],
        name=list("abcdefgh"),
    )
    found = read(rows, smiles="smiles")
    assert dict(zip(found.outputs, found.inputs, strict=True)) == {
        "a": "CCO", "b": "CCN", "e": "CCCC", "f": "CCC", "g": "CCC",
    }  # fmt: skip
    assert reasons(found) == {
        4: "smiles: CXSMILES extension that changes the molecule",
        5: "smiles: title after the SMILES that could be a part of it",
        9: "smiles: unclosed ring",
    }
    assert found.originals[0] == "OCC ethanol"
    assert found.notes == (
        "smiles: 3 rows have a title or a drawing hint (CXSMILES) after the SMILES, which is left out",
    )
    assert not any("whitespace" in reason for reason in reasons(found).values())


def test_words_that_are_no_smiles_have_no_title() -> None:
    rows = rows_of(smiles=["not a smiles", "CCO ethanol"], name=["x", "y"])
    [note] = read(rows, smiles="smiles").notes
    assert note.startswith("smiles: 1 row has a title or")


def test_titles_go_where_the_smiles_is_converted_too() -> None:
    task = Task("t", Side("smiles", notation="selfies", convert_from="smiles"), Side("name"))
    assert read_task(task, rows_of(smiles=["C methane"], name=["x"])).inputs[:] == ["[C]"]


def test_texts_keep_their_blanks() -> None:
    found = read(rows_of(a=["CCO ethanol"], b=["x y"]))
    assert (found.inputs[:], found.outputs[:], found.notes) == (["CCO ethanol"], ["x y"], ())


@pytest.mark.parametrize("word", ["nan", "NaN", "-nan", "NaT", "<NA>", "#N/A", "NA", "N/A", "n/a"])
def test_a_missing_number_is_no_answer(word: str) -> None:
    found = read(rows_of(a=["x", "y", "z"], b=["1.5", word, "-2e3"]))
    assert (found.outputs[:], reasons(found)) == (
        ["1.5", "-2e3"],
        {3: f"b: empty output ({word!r} among numbers)"},
    )


def test_words_among_words_stay() -> None:
    assert read(rows_of(a=["x", "y"], b=["nan", "bread"])).outputs[:] == ["nan", "bread"]
    assert read(rows_of(a=["x", "y"], b=["EU", "NA"])).outputs[:] == ["EU", "NA"]
    assert read(rows_of(a=["x", "y"], b=["11", "Na"])).outputs[:] == ["11", "Na"]


@pytest.mark.parametrize("notation", ["text", "number"])
def test_gaps_of_typed_files_are_empty(tmp_path: Path, notation: str) -> None:
    numbers: list[Any] = [float("nan"), None, 1.5]
    pq.write_table(pa.table({"i": ["a", "b", "c"], "o": numbers}), tmp_path / "n.parquet")
    (tmp_path / "n.jsonl").write_text('{"i": "a", "o": NaN}\n{"i": "b", "o": null}\n{"i": "c", "o": 1.5}\n')
    for name in ("n.parquet", "n.jsonl"):
        found = read(load(tmp_path / name), o=notation)
        assert found.outputs[:] == ["1.5"]
        assert set(reasons(found).values()) == {"o: empty output"}


def test_composed_and_decomposed_texts_have_one_identity() -> None:
    text = "größe"
    found = read(rows_of(a=[text, unicodedata.normalize("NFD", text)], b=["x", "y"]))
    assert len(set(found.identities)) == 1


def test_composed_and_decomposed_headers_are_one() -> None:
    for header, flag in (("NFC", "NFD"), ("NFD", "NFC")):
        rows = rows_of(**{unicodedata.normalize(header, "größe"): ["1"]})
        assert read_column(rows, unicodedata.normalize(flag, "größe"), "input")[0] == "1"


def test_formulas_that_are_rewritten_are_noted_with_the_flag_that_keeps_them() -> None:
    rows = rows_of(smiles=["CCO", "C", "CC(=O)O", "O"], formula=["CH3CH2OH", "CH4", "CH3COOH", "not one"])
    found = read(rows, smiles="smiles", formula="formula")
    assert found.outputs[:] == ["C2H6O", "CH4", "C2H4O2"]
    assert found.notes == (
        "formula: 2 formulas are rewritten in Hill order, such as CH3CH2OH to C2H6O; --data.output_notation text keeps the "
        "column as it is",
    )
    assert read(rows, smiles="smiles").notes == ()
