"""Cells decide what a column holds; its header is only a hint."""

# ruff: noqa: RUF001 - the phonetic alphabet has letters that look like others
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

from datamodules.flag_tasks import choose_tasks, find_open_sides, task_from_columns
from datamodules.notations.lookup import NOTATIONS, hint_notations, load_notation
from datamodules.rows import prepare
from datamodules.rows.guess_notations import (
    CELLS,
    Guess,
    guess_from_rows,
    guess_notation,
    sample_cells,
)
from datamodules.rows.guess_words import describe, settings_of
from datamodules.sequence_task import SequenceTaskDataModule
from datamodules.sources.lookup import load_source
from datamodules.sources.rows import built_in
from datamodules.workers.guarded_worker import GuardedWorker
from tests.helpers.guessing import SMILES, make
from tests.helpers.tiny import make_tokenizer

NAMES = ["ethanol", "propan-2-ol", "benzene", "acetic acid", "chloroethane", "2-methylpyridine", "aspirin"]
SELFIES = ["[C][C][O]", "[C][=C][Branch1][C][C][C]", "[C][C][Branch1][C][C][O]"]
REACTIONS = ["CO.CC>>COC", "CCO.CC>>CC", "CCO>[H+]>C=C"]
POLYMERS = ["*CC*", "*CC(*)C", "*CC(*)c1ccccc1"]
IPA = ["həˈloʊ", "wɜːld", "kæt", "dɔg", "bɪt"]


@pytest.mark.parametrize(
    ("header", "cells", "notation"),
    [
        # The header says one thing, the cells another.
        ("formulation", [f"tablet of {n} mg" for n in range(9)], "text"),
        ("has_smiles", ["yes 1", "no 2", "yes 3"], "text"),
        ("Formula Weight", ["30.00", "37.10", "44.20"], "text"),
        ("smiles_length", ["3", "4", "5"], "text"),
        ("smiles", ["1", "2", "3"], "text"),
        ("smiles", SELFIES, "selfies"),
        ("smiles", POLYMERS, "polymer"),
        ("SMILES", REACTIONS, "reaction"),
        ("name", ["John Smith", "Jane Doe", "O. Alcott"], "text"),
        ("name", SMILES, "smiles"),
        ("polymer", ["polyethylene", "nylon", "PVC"], "text"),
        ("reaction", ["esterification", "oxidation of alcohols"], "text"),
        ("pronunciation", ["like father", "as in cat"], "text"),
        # A linear formula says more than its atoms.
        ("Linear Formula", ["CH3CH2OH", "(CH3)2CHOH", "CH3COOH", "HOCH2CH2OH"], "text"),
        ("formula", ["CH3CH2OH", "CO2", "H2O", "C6H6"], "text"),
        ("formula", ["SO42-", "Ca2+", "Na+", "NH4+"], "text"),
        ("formula", ["Ca2+", "Mg2+", "Fe3+", "Na+"], "text"),
        ("formula", ["C2H6O", "CO2", "H2O", "C6H6"], "formula"),
        ("what", ["C2H6O", "CO2", "H2O", "C6H6", "H4N+"], "formula"),
        # The header says nothing.
        ("a", SMILES, "smiles"),
        ("structure", SMILES[:4], "smiles"),
        ("b", SELFIES, "selfies"),
        ("c", ["HH AH0 L OW1", "K AE1 T", "D AO1 G"], "phonemes"),
        ("d", ["1", "2.5", "-3e-4", "0"], "text"),
        ("e", NAMES[:6], "iupac"),
        ("f", ["house", "button", "union station", "a sentence of words"], "text"),
        ("g", REACTIONS, "reaction"),
        ("h", POLYMERS, "polymer"),
        ("i", IPA, "ipa"),
        ("psmiles", POLYMERS[:2], "polymer"),
        ("rxn_smiles", REACTIONS[:2], "reaction"),
        ("pronunciation", ["K AE1 T", "D AO1 G"], "phonemes"),
        ("pronunciation", ["kæt", "bɪt"], "ipa"),
        # Texts that some parser accepts.
        ("sex", ["M", "F", "M"], "text"),
        ("answer", ["NO", "ON", "NO"], "text"),
        ("grade", ["B", "C", "B"], "text"),
        ("gas", ["CO", "CO", "CO"], "text"),
        ("code", ["007", "008", "123"], "text"),
        ("active", ["0", "1", "0"], "text"),
        ("number", ["0.60", "1.0", "2"], "text"),
        ("DNA", ["ACGT", "CCGT", "GATTACA"], "text"),
        ("p", ["*", "**", "***", "****"], "text"),
        ("word", ["größe", "señor", "naïve", "façade"], "text"),
        ("söz", ["ərik", "dənə", "kənd"], "text"),
        # The header decides between notations that fit equally well.
        ("smiles", ["CO", "CN"], "smiles"),
        ("formula", ["CO", "CN"], "formula"),
        ("name", NAMES, "iupac"),
        ("iupac", ["aspirin", "caffeine"], "iupac"),
        ("names", ["aspirin", "ibuprofen"], "text"),
        ("canonicalSmiles", ["CCO", "CCN", "not one"], "smiles"),
        ("smiles", ["C1CC", "C1C"], "smiles"),  # each is skipped with its reason
        # Without cells there is only the header.
        ("smiles", [], "smiles"),
        ("output_smiles", [], "smiles"),
        ("smiles_length", [], "text"),
        ("formula", [], "text"),
        ("note", [], "text"),
    ],
)  # fmt: skip
def test_cells_decide_what_a_column_holds(
    worker: GuardedWorker, header: str, cells: list[str], notation: str
) -> None:
    assert guess_notation("input", header, cells, worker).notation == notation


@pytest.mark.parametrize(
    ("header", "hints"),
    [
        ("smiles", ("smiles",)), ("Canonical SMILES", ("smiles",)), ("canonicalSMILES", ("smiles",)), ("SMILES_1", ("smiles",)),
        ("formulation", ()), ("has_smiles", ("smiles",)), ("psmiles", ("polymer",)), ("IUPACName", ("iupac",)),
        ("name", ("iupac",)), ("smiles formula", ("smiles", "formula")), ("text", ()), ("CAS number", ()), ("", ()),
        ("größe", ()), ("pronunciation", ("phonemes", "ipa")),
    ],
)  # fmt: skip
def test_only_whole_words_of_a_header_are_hints(header: str, hints: tuple[str, ...]) -> None:
    assert hint_notations(header) == hints


def test_notation_without_looks_like_is_tried_if_the_header_names_it(
    worker: GuardedWorker, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delattr(load_notation("selfies"), "looks_like")
    assert guess_notation("input", "selfies", SELFIES, worker).notation == "selfies"
    assert guess_notation("input", "column", SELFIES, worker).notation == "text"


def test_cell_that_looks_like_a_notation_is_valid_in_it() -> None:
    cells = [
        *SMILES, *NAMES, *SELFIES, *REACTIONS, *POLYMERS, *IPA,
        "C2H6O", "1.5", "K AE1 T", "", " ", "C1CC", "é", "a\nb", "(", "***",
    ]  # fmt: skip
    for module in (load_notation(name) for name in NOTATIONS if hasattr(load_notation(name), "looks_like")):
        found = [cell for cell in cells if module.looks_like(cell)]
        assert found, module.__name__
        assert all(map(module.is_valid, found)), module.__name__


def test_names_in_capitals_are_shown_as_they_are_asked(worker: GuardedWorker) -> None:
    guess = guess_notation("input", "name", ["Ethanol", "propan-2-ol"], worker)
    assert (guess.rewritten, guess.example) == (1, ("Ethanol", "ethanol"))
    assert guess_notation("output", "name", ["Ethanol", "propan-2-ol"], worker).rewritten == 0


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


def test_guess_is_the_same_for_every_kind_of_file(tmp_path: Path) -> None:
    found = []
    for path in write_tables(tmp_path, "mol", SMILES * 40):
        rows = load_source(str(path))
        guesses = guess_from_rows([task_from_columns("mol", "other")], ("input", "output"), rows)
        assert [guess.notation for guess in guesses] == ["smiles", "text"]
        found.append(guesses)
    assert all(one == found[0] for one in found)
    assert found[0][0].cells == CELLS


def test_cells_of_lists_and_numbers_are_sampled(tmp_path: Path) -> None:
    path = tmp_path / "t.parquet"
    pq.write_table(pa.table({"x": [1.5, None, 2.0], "mols": [["CCO", "OCC"], [], ["CCN"]]}), path)
    rows = load_source(str(path))
    assert sample_cells(rows, "mols") == ["CCO", "CCN"]
    assert sample_cells(rows, "x") == ["1.5", "2"]
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


def test_guess_is_cached_with_the_rows(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "t.csv"
    path.write_text("a,b\n" + "".join(f"{cell},{place}\n" for place, cell in enumerate(SMILES * 20)))
    first, again = (make(path, cache_dir=str(tmp_path / "cache")) for _ in range(2))
    first.data.prepare_sides(["train"], keep_small=True)
    monkeypatch.setattr(prepare, "load_source", lambda *_: pytest.fail("the table is read again"))
    again.data.prepare_sides(["train"])
    assert again.guesses == first.guesses
    assert again.tasks == first.tasks
    assert [guess.notation for guess in again.guesses] == ["smiles", "number"]
    assert again.guesses[0].example == ("OCC", "CCO")


def test_a_column_of_numbers_is_rounded_to_the_digits_that_it_needs(tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    path.write_text("a,b\nCCO,0.60\nCCN,1.0\nCCC,0\nCCCC,1\nOCCO,+2\nOCO,nan\n")
    data = make(path)
    data.setup("fit")
    [part] = data.data.store.parts  # type: ignore[union-attr]
    assert list(part.outputs) == ["0.60", "1.00", "0.00", "1.00", "2.00"]
    assert (part.task.output.notation, part.task.kind, part.task.output.digits) == ("number", "number", 2)
    assert [row.reason for row in part.set_aside] == ["b: empty output ('nan' among numbers)"]


def test_numbers_stay_as_they_are_written_where_the_user_says_text(tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    path.write_text("a,b\nCCO,0.60\nCCN,1.0\nCCC,0\nCCCC,1\nOCCO,+2\n")
    for given in ({"output_notation": "text"}, {"choices": "none"}):
        data = make(path, **given)
        data.setup("fit")
        [part] = data.data.store.parts  # type: ignore[union-attr]
        assert list(part.outputs) == ["0.60", "1.0", "0", "1", "+2"]
        assert part.task.kind == "text"


def test_numbers_of_the_input_stay_as_they_are_written(tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    path.write_text("a,b\n0.60,x\n+2,y\n")
    data = make(path)
    data.setup("fit")
    assert list(data.data.store.parts[0].inputs) == ["0.60", "+2"]  # type: ignore[union-attr]


def table_of(tmp_path: Path, **columns: list[Any]) -> Path:
    path = tmp_path / "t.csv"
    lines = [",".join(columns), *(",".join(map(str, cells)) for cells in zip(*columns.values(), strict=True))]
    path.write_text("\n".join(lines) + "\n")
    return path


@pytest.mark.parametrize(
    ("cells", "expected"),
    [
        ([0, 1] * 10, ("0", "1")),
        (["1.0", "0.0", "0.0", "nan"] * 5, ("0.0", "1.0")),
        (["out", "in", "out"] * 7, ("out", "in")),
        (["b", "a"] * 4, ()),  # too few rows
        (["only"] * 20, ()),
        ([0.5, 1.5] * 10, ()),  # measurements
        (SMILES * 10, ()),  # molecules are no classes
        ([f"x{place}" for place in range(21)] * 9, ()),
    ],
)
def test_a_column_of_few_different_values_holds_choices(
    tmp_path: Path, cells: list[Any], expected: tuple[str, ...]
) -> None:
    rows = load_source(str(table_of(tmp_path, a=[f"q{place}" for place in range(len(cells))], b=cells)))
    [_, guess] = guess_from_rows([task_from_columns("a", "b")], ("input", "output", "kind"), rows)
    assert guess.choices == expected
    assert (f"'b' is one of {len(expected)} choices" in describe([guess])) == bool(expected)


def test_automatic_choices_need_classes(tmp_path: Path) -> None:
    path = table_of(
        tmp_path, a=[f"q{place}" for place in range(120)], b=[f"w{place}" for place in range(120)]
    )
    with pytest.raises(
        ValueError, match=r"Expected --data.choices auto for a column of 2 to 100 .* holds 120"
    ):
        make(path, choices="auto").setup("fit")
    few = table_of(tmp_path, a=["q", "r", "s"], b=["w", "x", "w"])
    data = make(few, choices="auto")
    data.setup("fit")
    assert data.tasks[0].choices is not None
    assert data.tasks[0].choices.options == ("w", "x")


def test_several_output_columns_are_a_task_each_and_empty_cells_are_unknown(tmp_path: Path) -> None:
    count = 40
    path = table_of(
        tmp_path, a=[f"q{place}" for place in range(count)], toxic=[0, 1] * 20, weight=[f"{place}.5" for place in range(count)],
        rare=["0", "", "1", ""] * 10,
    )  # fmt: skip
    data = make(path, format="labels", output_column="toxic,weight,rare")
    data.setup("fit")
    assert data.task_names == ["a_to_toxic", "a_to_weight", "a_to_rare"]
    assert [task.kind for task in data.tasks] == ["choices", "number", "choices"]
    assert [len(part) for part in data.data.store.parts] == [40, 40, 20]  # type: ignore[union-attr]
    assert settings_of(data.guesses) == {
        "input_notation": "text",
        "output_notation": "toxic:text,weight:number,rare:text",
        "choices": {"toxic": ["0", "1"], "rare": ["0", "1"]},
        "digits": {"weight": 1},
    }
    again = make(path, format="labels", output_column="toxic,weight,rare", **settings_of(data.guesses))
    assert again.data.open_sides == ()
    again.setup("fit")
    assert [task.kind for task in again.tasks] == ["choices", "number", "choices"]
    assert [list(part.outputs) for part in again.data.store.parts] == [  # type: ignore[union-attr]
        list(part.outputs)
        for part in data.data.store.parts  # type: ignore[union-attr]
    ]


def test_linear_formulas_are_targets_as_they_stand(tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    path.write_text("smiles,Linear Formula\nCCO,CH3CH2OH\nCC(C)O,(CH3)2CHOH\nCC(=O)O,CH3COOH\n")
    data = make(path, input_column="smiles", output_column="Linear Formula")
    data.setup("fit")
    assert list(data.data.store.parts[0].outputs) == ["CH3CH2OH", "(CH3)2CHOH", "CH3COOH"]  # type: ignore[union-attr]


def test_only_notations_that_are_not_given_are_guessed() -> None:
    assert find_open_sides(None, "a", "b", None, None) == ("input", "output", "kind")
    assert find_open_sides(None, "a", "b", "smiles", None) == ("output", "kind")
    assert find_open_sides(None, "a", "b", "smiles", None, choices="none") == ("output",)
    assert find_open_sides(None, "a", "b", "smiles", "text") == ()
    assert find_open_sides("smiles_to_iupac", "a", "b", None, None) == ()
    assert find_open_sides(None, "a", None, None, None) == ()


def test_notation_is_guessed_from_the_file_to_predict_without_a_run(tmp_path: Path) -> None:
    path = tmp_path / "new.csv"
    path.write_text("molecule\nOCC\nC(C)N\nc1ccccc1C\n")
    data = SequenceTaskDataModule(
        make_tokenizer(),
        input_column="molecule",
        output_column="iupac",
        format="arrow",
        max_length=100,
        predict_path=str(path),
    )
    data.setup("predict")
    assert [data.row("predict", place).input_notation for place in range(3)] == ["smiles"] * 3
    assert data.guesses[1] == Guess("output", "iupac", "iupac", 0, 0)


@pytest.mark.parametrize(
    ("cells", "kind"),
    [
        (["0", "1", "NA", "1", "0", "N/A"] * 5, ("text", ("0", "1"))),
        ([*(f"{n}.25" for n in range(40)), "NA", "NA"], ("number", ())),
        (["EU", "NA", "APAC"] * 8, ("text", ("APAC", "EU", "NA"))),
    ],
)
def test_missing_numbers_are_no_class_and_no_word(
    cells: list[str], kind: tuple[str, tuple[str, ...]]
) -> None:
    rows = built_in("t", pa.table({"a": [f"x{n}" for n in range(len(cells))], "b": cells}))
    [task], _ = choose_tasks(None, "a", "b")
    guesses = {guess.side: guess for guess in guess_from_rows([task], ("input", "output", "kind"), rows)}
    assert (guesses["output"].notation, tuple(sorted(guesses["output"].choices))) == kind
