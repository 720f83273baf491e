"""Stress test 8: a hostile table costs its bad rows only, each with its line and the reason; what we write is no formula."""

from __future__ import annotations

import csv
import gzip
import io
import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any, NamedTuple

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from datamodules.sequence_task import SequenceTaskDataModule
from datamodules.storage.safe_csv import read_csv, write_csv
from tests.helpers.runs import write_tiny_base
from tests.helpers.tiny import make_tokenizer
from tests.stress.hostile import run_line


class Case(NamedTuple):
    """A file, what is kept of it, and what is said of the rest."""

    name: str
    content: bytes
    kept: list[str]
    aside: dict[int, str]
    error: str = ""


def _parquet(**options: Any) -> bytes:
    sink = io.BytesIO()
    columns = {"word": ["a1", "b\0", None, "d4", b"\xff"], "reversed": ["1a", "2b", "3c", "", "5e"]}
    table = pa.table(
        [
            pa.array([c.encode() if isinstance(c, str) else c for c in columns["word"]], pa.binary()),
            columns["reversed"],
        ],
        names=list(columns),
    )
    pq.write_table(table, sink, **options)
    return sink.getvalue()


def _twice() -> bytes:
    sink = io.BytesIO()
    pq.write_table(pa.table([["a"], ["b"]], names=["word", "word"]), sink)
    return sink.getvalue()


HEAD = b"word,reversed\n"
GOOD = HEAD + b"a1,1a\nb2,2b\n"
LINES = b'{"word": "a1", "reversed": "1a"}\n'
ZIPPED = gzip.compress(HEAD + b"".join(b"w%d,%dw\n" % (n * n * n, n) for n in range(3000)), mtime=0)
BIG = b"x" * 10_000_000
CASES = (
    Case("x.csv", GOOD, ["a1", "b2"], {}),
    Case("x.csv", HEAD + "a1,1é\nb2,2é\n".encode() + b"\xff\xfe,2b\nc3,\xc3\x28\n", ["a1", "b2"], {4: "not UTF-8",
         5: "not UTF-8"}),
    Case("x.csv", HEAD + b"a1,1a\nb\x002,2b\n", ["a1"], {3: "NUL"}),
    Case("x.csv", HEAD + b"a1,1a\n\xed\xa0\x80,2b\n", ["a1"], {3: "not UTF-8"}),  # a lone surrogate
    Case("x.csv", b"\xef\xbb\xbf" + GOOD, ["a1", "b2"], {}),
    Case("x.csv", "word,reversed\na1,1a\n".encode("utf-16"), ["a1"], {}),
    Case("x.csv", HEAD + b"a1,1a\n" + "Müller,2b\n".encode("cp1252"), ["Müller", "a1"], {}),
    Case("x.csv", GOOD.replace(b"\n", b"\r\n"), ["a1", "b2"], {}),
    Case("x.csv", GOOD.replace(b"\n", b"\r"), ["a1", "b2"], {}),
    Case("x.csv", HEAD + b"a1," + BIG + b"\nb2,2b\n", ["b2"], {2: "longer than"}),
    Case("x.csv", HEAD + BIG + b"\nb2,2b\n", ["b2"], {2: "expected 2 columns, got 1"}),
    Case("x.csv", HEAD + b"a1,1a,extra\nb2\nc3,3c\n,\n\n", ["c3"], {2: "got 3", 3: "got 1", 5: "empty", 6: "empty row"}),
    Case("x.csv", b"word,word\na,b\n", [], {}, "come twice"),
    Case("x.csv", b"word, reversed,reversed\na,b,c\n", [], {}, "come twice"),
    Case("x.csv", HEAD + b"a1,\nb2,   \nc3,3c\n", ["c3"], {2: "empty output", 3: "empty output"}),
    Case("x.csv", HEAD + b'a1,1a\n"b2,2b\nc3,3c\n', ["a1", "c3"], {3: "broken quotes"}),
    Case("x.csv", HEAD + b'a1,"1"a\nc3,3c\n', ["c3"], {2: "broken quotes"}),
    Case("x.csv", HEAD, [], {}, "at least one training row"),
    Case("x.csv", b"", [], {}, "empty"),
    Case("x.csv", b"\n\n\n", [], {}, "header"),
    Case("x.csv", b"\x00\x01\x02\xff" * 50, [], {}, "column names in UTF-8|header"),
    Case("x.csv", b"\x89PNG\r\n\x1a\n" + bytes(range(256)), [], {}, "column names|not a column|header"),
    Case("x.csv", ZIPPED[:100], [], {}, "column names|not a column|header"),
    Case("x.tsv", GOOD.replace(b",", b"\t"), ["a1", "b2"], {}),
    Case("x.csv.gz", gzip.compress(GOOD), ["a1", "b2"], {}),
    Case("x.CSV.GZ", gzip.compress(GOOD), ["a1", "b2"], {}),
    Case("x.csv.gz", GOOD, [], {}, "gzip"),
    Case("x.csv.gz", gzip.compress(GOOD)[:15], [], {}, "cut off|gzip"),
    Case("x.csv.gz", gzip.compress(GOOD) + b"rubbish", ["a1", "b2"], {4: "damaged"}),
    Case("x.tsv.gz", gzip.compress(GOOD.replace(b",", b"\t")) + bytes(512), ["a1", "b2"], {}),
    Case("x.jsonl", LINES + b'{"word": 2, "reversed": true}\n', ["2", "a1"], {}),
    Case("x.jsonl", LINES + b'{"word": ["b"], "reversed": "d"}\n[1]\n3\nnull\n', ["a1"],
         {2: "list", 3: "list", 4: "value", 5: "value"}),
    Case("x.jsonl", LINES + b'{"word": {"x": 1}}\n{"reversed": "x"}\n', ["a1"], {2: "empty output", 3: "empty input"}),
    Case("x.jsonl", LINES + b'{"word": "\\ud800"}\n{"word": "\\u0000"}\n', ["a1"], {2: "surrogate", 3: "NUL"}),
    Case("x.jsonl", LINES + b'{"word": "b2"\n\n{"word": NaN, "reversed": 1e999}\n', ["a1"],
         {2: "invalid JSON", 3: "empty row", 4: "empty input"}),
    Case("x.jsonl", LINES + b"[" * 100_000 + b"\n" + b'{"a":' * 100_000 + b"\n", ["a1"], {2: "nested|JSON", 3: "nested|JSON"}),
    Case("x.jsonl", LINES + b'{"word": "b2", "word": "c3", "reversed": "3c"}\n', ["a1", "c3"], {}),
    Case("x.jsonl", b"\xef\xbb\xbf" + LINES + b"\xff\n", ["a1"], {2: "not UTF-8"}),
    Case("x.jsonl", LINES + b'{"word": "' + BIG + b'", "reversed": "x"}\n', ["a1"], {2: "longer than"}),
    Case("x.jsonl", b"not json\n", [], {}, "none of 1 holds an object"),
    Case("x.jsonl.gz", gzip.compress(LINES * 2)[:-9], ["a1", "a1"], {3: "cut off"}),
    Case("x.parquet", _parquet(), ["a1"], {2: "NUL", 3: "empty input", 4: "empty output", 5: "not UTF-8"}),
    Case("x.parquet", _parquet()[:-20], [], {}, "index lies at its end"),
    Case("x.parquet", _parquet()[:100], [], {}, "index lies at its end"),
    Case("x.parquet", GOOD, [], {}, "Parquet"),
    Case("x.parquet", b"PAR1" + bytes(100) + b"PAR1", [], {}, "Parquet"),
    Case("x.parquet", _twice(), [], {}, "come twice"),
    Case("x.xlsx", GOOD, [], {}, "expected an Excel file|python-calamine"),
    Case("x.sdf", GOOD + b"$$$$\n", [], {}, "not a column"),
    Case("x.smi", GOOD, [], {}, "not a column"),
    Case("x.txt", GOOD, ["a1", "b2"], {}),
    Case("x.doc", GOOD, [], {}, "neither a built-in one|ends in"),
)  # fmt: skip


def set_up(source: Path, run: Path) -> SequenceTaskDataModule:
    """Read a table as a fit does, all rows for training."""
    data = SequenceTaskDataModule(
        make_tokenizer(), source=str(source), input_column="word", output_column="reversed", format="arrow",
        val_fraction=0, test_fraction=0, cache=False, max_length=100,
    )  # fmt: skip
    data.trainer = SimpleNamespace(
        world_size=1, global_rank=0, is_global_zero=True, default_root_dir=str(run)
    )  # type: ignore[assignment]
    data.setup("fit")
    return data


def check_table(case: Case, folder: Path) -> None:
    """Assert what is kept of a table, and the line and the reason of all the rest."""
    import re

    source = folder / case.name
    source.write_bytes(case.content)
    if case.error:
        with pytest.raises(ValueError, match=case.error) as raised:
            set_up(source, folder / "run")
        assert str(source) in str(raised.value), "the error names the file"
        return
    data = set_up(source, folder / "run")
    assert sorted(data.row("train", index).input for index in range(data.num_rows("train"))) == case.kept
    aside = {int(row["line"]): row["reason"] for row in read_csv(folder / "run" / "set_aside.csv")}
    assert set(aside) == set(case.aside)
    for line, reason in case.aside.items():
        assert re.search(reason, aside[line]), f"line {line}: expected {reason!r}, but got {aside[line]!r}"


def cut_gzip(length: int, folder: Path) -> None:
    """Assert that all whole rows before the place where a gzip file is cut off are kept, and the cut is said."""
    (folder / "x.csv.gz").write_bytes(ZIPPED[:length])
    data = set_up(folder / "x.csv.gz", folder / "run")
    rows = data.num_rows("train")
    assert sorted(data.row("train", index).input for index in range(rows)) == sorted(
        f"w{n**3}" for n in range(rows)
    )
    [aside] = read_csv(folder / "run" / "set_aside.csv")
    assert (int(aside["line"]), aside["reason"]) == (rows + 2, "the gzip file is cut off here")


@pytest.mark.parametrize("every", [5, pytest.param(1, marks=pytest.mark.stress)], ids=["few", "all"])
def test_a_hostile_table_costs_its_bad_rows_only(record_tries, every: int, tmp_path: Path) -> None:
    note = f"{len(CASES)} files: csv, tsv, jsonl, gz, parquet; through the data module, each line with its reason"
    numbers = range(0, len(CASES), every)
    record_tries(8, "hostile tables", numbers, lambda number: check_table(CASES[number], tmp_path), note)


@pytest.mark.parametrize(
    "lengths",
    [[2000, 4444], pytest.param(range(300, len(ZIPPED) - 8, 97), marks=pytest.mark.stress)],
    ids=["few", "all"],
)
def test_a_gzip_that_ends_early_keeps_what_is_whole(record_tries, lengths, tmp_path: Path) -> None:
    record_tries(
        8,
        "gzip files cut off",
        lengths,
        lambda length: cut_gzip(length, tmp_path),
        "a csv.gz of 3,000 rows, cut every 97 bytes",
    )


@pytest.mark.parametrize("every", [12, pytest.param(1, marks=pytest.mark.stress)], ids=["few", "all"])
def test_a_table_that_cannot_be_read_ends_in_one_line(
    record_tries, every: int, tmp_path: Path, monkeypatch
) -> None:
    monkeypatch.chdir(tmp_path)
    base = write_tiny_base(tmp_path)

    def attempt(number: int) -> None:
        case = CASES[number]
        Path(case.name).write_bytes(case.content)
        words = [
            "--data.source",
            case.name,
            "--data.input_column",
            "word",
            "--data.output_column",
            "reversed",
        ]
        said = run_line(["show", *words, "--model.base", base])
        assert "\nValueError: " in said
        assert case.name in said
        Path(case.name).unlink()

    numbers = [number for number, case in enumerate(CASES) if case.error][::every]
    record_tries(8, "tables that cannot be read", numbers, attempt, "the command line's error")


def formulas(count: int) -> list[str]:
    """Return texts that a spreadsheet would run, and molecules and names that only look like it."""
    heads = (
        "=",
        "+",
        "-",
        "@",
        "\t=",
        "\r=",
        "\n=",
        " =",
        "\u00a0=",
        "\uff1d",
        "\uff0b",
        "\uff0d",
        "\uff20",
        "'=",
        "''",
        "'",
        "",
        "\0=",
    )
    bodies = (
        "1+1", "HYPERLINK(\"http://x\",\"y\")", "cmd|' /C calc'!A0", "O", "CC(=O)O", "2-oxo", "(2S)-x", "SUM(A1:A9)", "",
        "a,b\nc", '"', "\u2400", "[Na+]", "1e5", "\ud83d",
    )  # fmt: skip
    texts = [head + body for head in heads for body in bodies]
    return (texts * (count // len(texts) + 1))[:count]


def is_formula(cell: str) -> bool:
    """Return whether a spreadsheet would run a cell: what OWASP lists, after white space, and no plain number."""
    import re

    begun = cell.lstrip()[:1] in tuple("=+-@\uff1d\uff0b\uff0d\uff20") or cell[:1] in ("\t", "\r", "\n")
    return begun and bool(cell.strip()) and not re.fullmatch(r"[+-]?[0-9.]+([eE][+-]?[0-9]+)?", cell)


def test_tables_that_we_write_are_no_formulas_and_read_back_equal(record_tries, tmp_path: Path) -> None:
    def attempt(text: str) -> None:
        path = tmp_path / "x.csv"
        write_csv(path, ["input", "prediction"], [{"input": text, "prediction": f"{text}{text}"}])
        assert read_csv(path) == [{"input": text, "prediction": f"{text}{text}"}]
        with path.open(newline="", encoding="utf-8") as file:
            cells = [cell for row in csv.reader(file) for cell in row]
        assert not any(map(is_formula, cells)), cells

    record_tries(8, "formulas in tables that we write", formulas(270), attempt)


def test_set_aside_rows_are_no_formulas(tmp_path: Path) -> None:
    (tmp_path / "x.csv").write_bytes(HEAD + b"a1,1a\n=1+1\n@SUM(A1),\n")
    set_up(tmp_path / "x.csv", tmp_path / "run")
    text = (tmp_path / "run" / "set_aside.csv").read_text()
    assert "'=1+1" in text
    assert "'@SUM(A1)" in text
    assert (
        json.dumps([row["text"] for row in read_csv(tmp_path / "run" / "set_aside.csv")])
        == '["=1+1", "@SUM(A1)"]'
    )
