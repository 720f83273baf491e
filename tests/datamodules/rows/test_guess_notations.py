"""Cells decide what a column holds; a header is a hint where they leave a choice."""

from __future__ import annotations

import gzip
import json
import time
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from datamodules.notations.lookup import NOTATIONS, hint_notations, load_notation
from datamodules.rows import prepare
from datamodules.rows.guess_notations import (
    CELLS,
    Guess,
    describe,
    guess_from_rows,
    guess_notation,
    sample_cells,
)
from datamodules.sequence_task import SequenceTaskDataModule
from datamodules.sources.lookup import load_source
from datamodules.sources.rows import built_in
from datamodules.tasks import sides_to_guess, task_from_columns
from datamodules.workers.guarded_worker import GuardedWorker
from tests.datamodules.conftest import make_tokenizer

SMILES = ["CCO", "CC(C)O", "c1ccccc1", "CC(=O)O", "OCC", "CCCl", "C", "CN"]
NAMES = ["ethanol", "propan-2-ol", "benzene", "acetic acid", "chloroethane", "2-methylpyridine", "aspirin"]


@pytest.mark.parametrize(
    ("header", "cells", "notation"),
    [
        # The header says one thing, the cells another.
        ("formulation", [f"tablet of {n} mg" for n in range(9)], "text"),
        ("has_smiles", ["yes 1", "no 2", "yes 3"], "text"),
        ("Formula Weight", ["30.00", "37.10", "44.20"], "number"),
        ("smiles_length", ["3", "4", "5"], "number"),
        ("smiles", ["1", "2", "3"], "number"),
        ("rxn_smiles", ["CO.CC>>COC", "CCO.CC>>CC"], "text"),
        ("psmiles", ["*CC*", "*CC(*)C"], "text"),
        ("SMILES", ["[C][C][O]", "[C][=C][Branch1][C][C][C]", "[C][C][Branch1][C][C][O]"], "selfies"),
        ("name", ["John Smith", "Jane Doe", "O. Alcott"], "text"),
        # Linear formulas tell more than the atoms.
        ("Linear Formula", ["CH3CH2OH", "(CH3)2CHOH", "CH3COOH", "HOCH2CH2OH"], "text"),
        ("formula", ["CH3CH2OH", "CO2", "H2O", "C6H6"], "text"),
        ("formula", ["C2H6O", "CO2", "H2O", "C6H6"], "formula"),
        ("what", ["C2H6O", "CO2", "H2O", "C6H6", "H4N+"], "formula"),
        # No header says anything.
        ("a", SMILES, "smiles"),
        ("structure", SMILES[:4], "smiles"),
        ("b", ["[C][C][O]", "[C][=C][Branch1][C][C][C]", "[C][C][Branch1][C][C][O]"], "selfies"),
        ("c", ["HH AH0 L OW1", "K AE1 T", "D AO1 G"], "phonemes"),
        ("d", ["1", "2.5", "-3e-4", "0"], "number"),
        ("e", NAMES[:6], "iupac"),
        ("f", ["house", "button", "union station", "a sentence of words"], "text"),
        # Labels that some parser would take.
        ("sex", ["M", "F", "M"], "text"),
        ("answer", ["NO", "ON", "NO"], "text"),
        ("grade", ["B", "C", "B"], "text"),
        ("gas", ["CO", "CO", "CO"], "text"),
        ("code", ["007", "008", "123"], "text"),
        ("active", ["0", "1", "0"], "number"),
        ("constant", ["1", "1"], "number"),
        ("value", ["1", "2", "NA", "NA"], "text"),
        ("DNA", ["ACGT", "CCGT", "GATTACA"], "text"),
        # The header decides where the cells leave a choice.
        ("smiles", ["CO", "CN"], "smiles"),
        ("formula", ["CO", "CN"], "formula"),
        ("name", NAMES, "iupac"),
        ("iupac", ["aspirin", "caffeine"], "iupac"),
        ("names", ["aspirin", "ibuprofen"], "text"),
        ("canonicalSmiles", ["CCO", "CCN", "not one"], "smiles"),
        ("smiles", ["C1CC", "C1C"], "smiles"),  # what is broken there is told one by one
        # Nothing to look at: the header is all there is.
        ("smiles", [], "smiles"),
        ("note", [], "text"),
    ],
)  # fmt: skip
def test_cells_decide(worker: GuardedWorker, header: str, cells: list[str], notation: str) -> None:
    assert guess_notation("input", header, cells, worker).notation == notation


@pytest.mark.parametrize(
    ("header", "hints"),
    [
        ("smiles", ("smiles",)), ("Canonical SMILES", ("smiles",)), ("canonicalSMILES", ("smiles",)), ("SMILES_1", ("smiles",)),
        ("formulation", ()), ("has_smiles", ("smiles",)), ("psmiles", ()), ("IUPACName", ("iupac",)), ("name", ("iupac",)),
        ("smiles formula", ("smiles", "formula")), ("text", ()), ("", ()), ("gr\u00f6\u00dfe", ()),
    ],
)  # fmt: skip
def test_whole_words_of_a_header_are_hints(header: str, hints: tuple[str, ...]) -> None:
    assert hint_notations(header) == hints


def test_a_notation_of_ones_own_takes_part(worker: GuardedWorker, monkeypatch: pytest.MonkeyPatch) -> None:
    """One without `looks_like` is tried where the header names it."""
    monkeypatch.delattr(load_notation("selfies"), "looks_like")
    cells = ["[C][C][O]", "[C][=C][Branch1][C][C][C]", "[C][C][Branch1][C][C][O]"]
    assert guess_notation("input", "selfies", cells, worker).notation == "selfies"
    assert guess_notation("input", "column", cells, worker).notation != "selfies"


def test_what_looks_like_a_notation_is_valid_in_it() -> None:
    cells = [
        *SMILES,
        *NAMES,
        "C2H6O",
        "1.5",
        "K AE1 T",
        "[C][C]",
        "",
        " ",
        "C1CC",
        "\u00e9",
        "a\nb",
        "(",
        "007",
    ]
    for module in (load_notation(name) for name in NOTATIONS if hasattr(load_notation(name), "looks_like")):
        assert all(module.is_valid(cell) for cell in cells if module.looks_like(cell)), module.__name__


def test_one_line_tells_what_was_decided_and_how_to_change_it(worker: GuardedWorker) -> None:
    guesses = [
        guess_notation("input", "mol", SMILES, worker),
        guess_notation("output", "active", ["0", "1"] * 5, worker),
    ]
    assert describe(guesses) == (
        "Read off the cells: 'mol' is taken for smiles (8 of 8 cells, 1 are rewritten, as OCC to CCO); 'active' is taken for "
        "number (10 of 10 cells, 2 different). To change it: --data.input_notation NAME, --data.output_notation NAME"
    )
    text = guess_notation("output", "Linear Formula", ["CH3CH2OH", "CO2"], worker)
    assert "'Linear Formula' is taken for text (1 of 2 cells look like formula)" in describe([text])
    assert "'smiles' is taken for smiles by its header" in describe(
        [guess_notation("input", "smiles", [], worker)]
    )


def write_tables(folder: Path, header: str, cells: list[str]) -> list[Path]:
    """The same column in every kind of file."""
    csv = header + ",other\n" + "".join(f"{cell},x{place}\n" for place, cell in enumerate(cells))
    lines = "".join(
        json.dumps({header: cell, "other": f"x{place}"}) + "\n" for place, cell in enumerate(cells)
    )
    paths = [folder / name for name in ("t.csv", "t.csv.gz", "t.jsonl", "t.parquet")]
    paths[0].write_text(csv)
    paths[1].write_bytes(gzip.compress(csv.encode()))
    paths[2].write_text(lines)
    pq.write_table(pa.table({header: cells, "other": [f"x{place}" for place in range(len(cells))]}), paths[3])
    return paths


def test_every_kind_of_file_tells_the_same(tmp_path: Path) -> None:
    found = []
    for path in write_tables(tmp_path, "mol", SMILES * 40):
        rows = load_source(str(path))
        guesses = guess_from_rows(task_from_columns("mol", "other"), ("input", "output"), rows)
        assert [guess.notation for guess in guesses] == ["smiles", "text"]
        found.append(guesses)
    assert all(one == found[0] for one in found)
    assert found[0][0].looked_at == CELLS


def test_numbers_of_parquet_and_lists_are_looked_at(tmp_path: Path, worker: GuardedWorker) -> None:
    path = tmp_path / "t.parquet"
    pq.write_table(pa.table({"x": [1.5, None, 2.0], "mols": [["CCO", "OCC"], [], ["CCN"]]}), path)
    rows = load_source(str(path))
    assert sample_cells(rows, "mols") == ["CCO", "CCN"]
    assert guess_notation("output", "x", sample_cells(rows, "x"), worker).notation == "number"
    assert sample_cells(rows, "nonsense") == []


def test_cells_are_sought_where_most_are_empty() -> None:
    cells = [""] * 50_000
    for place in range(7, 50_000, 5_000):
        cells[place] = "CCO"
    assert sample_cells(built_in("t", pa.table({"mol": cells})), "mol") == ["CCO"] * 10


def test_a_large_table_takes_no_longer_than_a_small_one(tmp_path: Path) -> None:
    rows = built_in("t", pa.table({"mol": np.array(SMILES * 125_000), "y": np.arange(1_000_000).astype(str)}))
    with GuardedWorker() as worker:
        guess_notation("input", "mol", SMILES, worker)  # starts it
        began = time.process_time()
        for column in ("mol", "y"):
            guess_notation("input", column, sample_cells(rows, column), worker)
    assert time.process_time() - began < 0.5


def test_the_guess_of_a_kept_table_is_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "t.csv"
    path.write_text("a,b\n" + "".join(f"{cell},{place}\n" for place, cell in enumerate(SMILES * 20)))
    first, again = (make(path, cache_dir=str(tmp_path / "cache")) for _ in range(2))
    first.cache.least_rows = 0
    first.read()
    monkeypatch.setattr(prepare, "load_source", lambda _: pytest.fail("the table is read again"))
    again.read()
    assert again.guesses == first.guesses
    assert again.tasks == first.tasks
    assert [guess.notation for guess in again.guesses] == ["smiles", "number"]


def make(path: Path, **options: Any) -> SequenceTaskDataModule:
    return SequenceTaskDataModule(
        make_tokenizer(), source=str(path), format="arrow", max_length=100, val_fraction=0.0, test_fraction=0.0,
        **{"input_column": "a", "output_column": "b", **options},
    )  # fmt: skip


@pytest.mark.parametrize("notation", [None, "number"])
def test_numbers_stay_as_they_are_written(tmp_path: Path, notation: str | None) -> None:
    path = tmp_path / "t.csv"
    path.write_text("a,b\nCCO,0.60\nCCN,1.0\nCCC,0\nCCCC,1\nOCCO,+2\nCC,x\n")
    data = make(path, output_notation="number" if notation else None)
    if notation is None:
        path.write_text(path.read_text().replace("CC,x\n", ""))
    data.setup("fit")
    assert data.store is not None
    [part] = data.store.parts
    assert list(part.outputs) == ["0.60", "1.0", "0", "1", "+2"]
    assert (part.task.output.notation, part.task.input.notation) == ("number", "smiles")
    assert len(data.set_aside("fit")) == (0 if notation is None else 1)


def test_equal_numbers_are_one_identity(tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    path.write_text("a,b\n1.50,x y\n1.5,x z\n15e-1,q\n2,r\n")
    data = make(path)
    data.setup("fit")
    assert data.store is not None
    [part] = data.store.parts
    assert list(part.inputs) == ["1.50", "1.5", "15e-1", "2"]
    assert list(part.identities) == ["1.5", "1.5", "1.5", "2"]


def test_linear_formulas_are_targets_as_they_stand(tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    path.write_text("smiles,Linear Formula\nCCO,CH3CH2OH\nCC(C)O,(CH3)2CHOH\nCC(=O)O,CH3COOH\n")
    data = make(path, input_column="smiles", output_column="Linear Formula")
    data.setup("fit")
    assert data.store is not None
    assert list(data.store.parts[0].outputs) == ["CH3CH2OH", "(CH3)2CHOH", "CH3COOH"]


def test_where_nothing_can_be_used_the_error_names_the_guess(tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    path.write_text("smiles,b\nC1CC,x\nC1CCC,y\n")
    with pytest.raises(
        ValueError,
        match=r"'smiles' was taken for smiles \(--data.input_notation\).*text takes a column as it is",
    ):
        make(path, input_column="smiles").setup("fit")
    with pytest.raises(ValueError, match=r"none\. (?!.*was taken for)"):
        make(path, input_column="smiles", input_notation="smiles", output_notation="text").setup("fit")


def test_where_most_rows_fail_a_warning_names_the_guess(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path = tmp_path / "t.csv"
    path.write_text("smiles,b\nC1CC,x\nC1CCC,y\nCCO,z\nC1CCCC,\nCCN,\n")
    make(path, input_column="smiles").setup("fit")
    assert (
        "Only 1 of 5 rows can be used. The notations are guessed: 'smiles' was taken for smiles"
        in caplog.text
    )


def test_only_what_nobody_said_is_guessed() -> None:
    assert sides_to_guess(None, "a", "b", None, None) == ("input", "output")
    assert sides_to_guess(None, "a", "b", "smiles", None) == ("output",)
    assert sides_to_guess(None, "a", "b", "smiles", "text") == ()
    assert sides_to_guess("smiles_to_iupac", "a", "b", None, None) == ()
    assert sides_to_guess(None, "a", None, None, None) == ()


def test_a_file_to_predict_tells_the_notation_where_nothing_was_trained_on(tmp_path: Path) -> None:
    path = tmp_path / "new.csv"
    path.write_text("molecule\nOCC\nC(C)N\nc1ccccc1C\n")
    data = SequenceTaskDataModule(
        make_tokenizer(),
        input_column="molecule",
        output_column="iupac",
        format="arrow",
        predict_path=str(path),
    )
    data.setup("predict")
    assert [data.row("predict", place).input_notation for place in range(3)] == ["smiles"] * 3
    assert data.guesses[1] == Guess("output", "iupac", "iupac", 0, 0, 0, "iupac")
