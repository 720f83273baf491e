from __future__ import annotations

import unicodedata
from pathlib import Path
from typing import Any

import pytest

from datamodules.task_data import TaskData
from tests.helpers.small_tables import list_places, prepare_data, prepare_words, write_and_prepare, write_csv

SMILES = [
    "CCO",
    "CC(=O)O",
    "c1ccccc1",
    "CCN",
    "C[C@H](N)C(=O)O",
    "C[C@@H](N)C(=O)O",
    "CCCC",
    "OC1CCCCC1",
    "Cc1ccccc1",
    "CCOCC",
]


def prepare_both_ways(tokenizer: Any, source: str, split: str) -> TaskData:
    folder = Path(source).parent
    for name, (one, other) in {"to": ("smiles", "iupac"), "back": ("iupac", "smiles")}.items():
        (folder / f"{name}.yaml").write_text(
            f"input: {{column: {one}, notation: {one}}}\noutput: {{column: {other}, notation: {other}}}\n"
        )
    return prepare_data(
        tokenizer,
        task=[str(folder / "to.yaml"), str(folder / "back.yaml")],
        source=source,
        split=split,
        val_fraction=0.3,
        test_fraction=0.3,
    )


def test_stereoisomers_and_both_directions_stay_together(tokenizer: Any, tmp_path: Path) -> None:
    rows = [[smiles, f"name {n}"] for n, smiles in enumerate(SMILES)]
    source = write_csv(tmp_path / "mols.csv", [["smiles", "iupac"], *rows])
    for split in ("identity", "random", "scaffold", "parent"):
        data = prepare_both_ways(tokenizer, source, split)
        sides: dict[str, set[str]] = {}
        for side, pool in list_places(data).items():
            for row in pool:
                part, place = data.store.locate(int(row))  # type: ignore[union-attr]
                sides.setdefault(part.identities[place], set()).add(side)
        assert all(len(found) == 1 for found in sides.values())
        assert len(sides) == len(SMILES) - 1  # L- and D-alanine are one identity


def test_salts_stay_with_their_molecule_where_asked(tokenizer: Any, tmp_path: Path) -> None:
    acids = [f"{'C' * length}C(=O)O" for length in range(1, 41)]
    salts = [f"{acid[:-1]}[O-].[Na+]" for acid in acids]
    rows = [[smiles, f"name {n}"] for n, smiles in enumerate([*acids, *salts])]
    source = write_csv(tmp_path / "mols.csv", [["smiles", "iupac"], *rows])
    apart = {}
    for split in ("identity", "parent"):
        data = prepare_both_ways(tokenizer, source, split)
        side = {}
        for name, pool in list_places(data).items():
            for row in pool:
                part, place = data.store.locate(int(row))  # type: ignore[union-attr]
                texts = part.inputs if part.task.input.notation == "smiles" else part.outputs
                side[texts[place]] = name
        apart[split] = sum(side[acid] != side[salt] for acid, salt in zip(acids, salts, strict=True))
    assert apart["identity"] > 0
    assert apart["parent"] == 0


@pytest.mark.parametrize("split", ["identity", "random"])
def test_both_unicode_forms_stand_on_one_side_and_stay_as_they_are(
    tokenizer: Any, tmp_path: Path, split: str
) -> None:
    words = [
        "do\u00e9rka",
        "gr\u00f6\u00dfe",
        "\u212bngstr\u00f6m",
        "na\u00efve",
        "\uac00\uac01",
        "plain",
    ] * 7
    forms = [
        [unicodedata.normalize(form, f"{word}{place}") for form in ("NFC", "NFD")]
        for place, word in enumerate(words)
    ]
    texts = [text for both in forms for text in both]
    rows = [["word", "reversed"], *([text, unicodedata.normalize("NFD", text[::-1])] for text in texts)]
    source = write_csv(tmp_path / "words.csv", rows)
    data = prepare_words(tokenizer, source, split=split, val_fraction=0.3, test_fraction=0.3)
    assert data.store is not None
    [part] = data.store.parts
    assert list(part.inputs) == texts, "the model's texts"
    assert len(set(part.identities)) == len(forms)
    sides = {int(row): side for side, pool in list_places(data).items() for row in pool}
    assert [sides[row] for row in range(0, len(texts), 2)] == [sides[row] for row in range(1, len(texts), 2)]
    assert len(set(sides.values())) == 3


def test_a_table_brings_its_own_split(tokenizer: Any, tmp_path: Path) -> None:
    rows = [[f"w{n}", f"{n}w", side] for n, side in enumerate(["train"] * 6 + ["validation"] * 2 + ["test"])]
    source = write_csv(tmp_path / "given.csv", [["word", "reversed", "fold"], *rows])
    data = prepare_words(tokenizer, source, split_column="fold")
    assert {name: len(pool) for name, pool in list_places(data).items()} == {"train": 6, "val": 2, "test": 1}


def test_a_split_column_without_any_side_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"train, val or test, but .*own.csv: split holds 'a'"):
        write_and_prepare(
            tmp_path / "own.csv", "smiles,name,split\nC,methane,a\nCC,ethane,b\n", split_column="split"
        )


def test_files_are_their_own_split_and_a_leak_is_said(
    tokenizer: Any, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    head = ["word", "reversed"]
    train = write_csv(tmp_path / "train.csv", [head, *[[f"w{n}", "x"] for n in range(20)]])
    val = write_csv(tmp_path / "val.csv", [head, ["w3", "x"], ["new", "y"]])
    test = write_csv(tmp_path / "test.csv", [head, ["other", "z"]])
    data = prepare_words(tokenizer, train, val_source=val, test_source=test)
    assert {name: len(pool) for name, pool in list_places(data).items()} == {"train": 20, "val": 2, "test": 1}
    assert data.report["overlap"]["train/val"] == 1
    assert "shares identities" in caplog.text


def test_subsets_are_nested_and_the_validation_rows_stay(tokenizer: Any, words: str) -> None:
    pools = []
    for rows in (10, 100):
        data = prepare_words(tokenizer, words, train_rows=rows, val_rows=7)
        pools.append(list_places(data))
        assert len(data.sides["val"].places) == 7
    assert set(pools[0]["train"]) < set(pools[1]["train"])
    assert (pools[0]["val"] == pools[1]["val"]).all()


def test_rows_that_are_too_long_make_room_for_others(tokenizer: Any, tmp_path: Path) -> None:
    rows = [["a", "b"], *[["x" * (30 if n % 3 else 1), f"y{n}"] for n in range(300)]]
    source = write_csv(tmp_path / "long.csv", rows)
    options = {
        "input_column": "a",
        "output_column": "b",
        "max_length": 20,
        "val_fraction": 0,
        "test_fraction": 0,
    }
    few, all_rows = (prepare_words(tokenizer, source, train_rows=limit, **options) for limit in (40, None))
    assert (
        len(few.sides["train"].places) == few.report["rows"]["train"] == len(few.sides["train"].encoded) == 40
    )
    assert few.report["too_long"]["train"] == len(few.set_aside("fit")) < 200
    assert len(all_rows.sides["train"].places) == 100
    assert all_rows.report["too_long"]["train"] == 200
    assert (all_rows.sides["train"].places[:40] == few.sides["train"].places).all()


def test_a_missing_column_lists_those_that_exist(tokenizer: Any, words: str) -> None:
    with pytest.raises(
        ValueError,
        match=r"--data.input_column 'wrod' is not a column of .*words.csv \(columns: word, reversed\).*'word'",
    ):
        prepare_words(tokenizer, words, input_column="wrod")
