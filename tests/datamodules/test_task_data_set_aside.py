from __future__ import annotations

import json
from pathlib import Path

from transformers import AddedToken

from datamodules.task_data import TaskData
from tests.helpers.small_tables import prepare_data, write_and_prepare, write_csv
from tests.helpers.tiny import make_tokenizer


def read_aside(data: TaskData) -> list[tuple[int, str, str]]:
    return [(row.line, row.reason, row.task) for row in data.set_aside("fit")]


def test_a_row_whose_split_cell_says_nothing_is_set_aside(tmp_path: Path) -> None:
    table = "smiles,name,split\nC,methane,train\nCC,ethane,\nCCC,propane,Validation\nCCO,ethanol,maybe\nCN,x,test\n"
    data = write_and_prepare(tmp_path / "own.csv", table, split_column="split")
    assert read_aside(data) == [
        (3, "split column: '' is not train, val or test", "smiles_to_name"),
        (5, "split column: 'maybe' is not train, val or test", "smiles_to_name"),
    ]
    assert data.report["usable"] == {"train": 1, "val": 1, "test": 1}
    [kept] = data.report["kept"]
    assert (kept["total"], kept["kept"], kept["set_aside"]) == (5, 3, 2)


def test_other_inputs_are_checked_like_the_first(tmp_path: Path) -> None:
    rows = [["OCC", "CCO", "NOT A SMILES", "", "C(C)O"], ["C"], ["CC", "C-C"]]
    lines = "".join(
        json.dumps({"smiles": cell, "name": f"n{place}"}) + "\n" for place, cell in enumerate(rows)
    )
    data = write_and_prepare(tmp_path / "own.jsonl", lines, val_fraction=0.0, test_fraction=0.0)
    assert data.store is not None
    [part] = data.store.parts
    assert [part.alternatives[row] for row in range(3)] == [["CCO", "CCO"], [], ["CC"]]


def test_rows_without_an_identity_of_the_table_get_their_own(tmp_path: Path) -> None:
    table = (
        "smiles,iupac,inchikey\nC,methane,\nCC,ethane,\nCCO,ethanol,LFQSCWFLJHTTHZ-UHFFFAOYSA-N\nC,carbane,\n"
    )
    data = write_and_prepare(
        tmp_path / "own.csv", table, input_column=None, output_column=None, task="smiles_to_iupac"
    )
    assert data.store is not None
    [part] = data.store.parts
    assert list(part.identities) == ["VNWKTOKETHGBQD", "OTMSDBZUPAUEDD", "LFQSCWFLJHTTHZ", "VNWKTOKETHGBQD"]


def test_each_task_tells_its_own_count(tmp_path: Path) -> None:
    path = tmp_path / "own.csv"
    path.write_text("smiles,iupac,formula\nC,methane,CH4\nC1C,x,C2\nCCO,ethanol,C2H6O\n")
    data = prepare_data(
        make_tokenizer(),
        task="smiles_to_formula,iupac_to_smiles",
        source=str(path),
        format="arrow",
        max_length=100,
    )
    for kept in data.report["kept"]:
        assert kept["kept"] + kept["set_aside"] == kept["total"] == 3
    assert {row.task for row in data.set_aside("fit")} == {"smiles_to_formula", "iupac_to_smiles"}


def test_no_cell_holds_a_control_token_of_the_base(tmp_path: Path) -> None:
    tokenizer = make_tokenizer()
    tokenizer.add_tokens([AddedToken("<|fim|>", special=True), AddedToken("<x>", special=False)])
    assert "<|fim|>" not in tokenizer.all_special_tokens
    rows = [["a", "b"], ["1 <|fim|>", "1"], ["2", "</s>2"], ["3 <x>", "3"]]
    source = write_csv(tmp_path / "rows.csv", rows)
    options = {"input_column": "a", "output_column": "b", "format": "arrow"}
    data = prepare_data(tokenizer, source=source, val_fraction=0, test_fraction=0, max_length=50, **options)
    assert {row.line: row.reason for row in data.set_aside("fit")} == {
        2: "a: input holds the special token '<|fim|>'", 3: "b: output holds the special token '</s>'",
    }  # fmt: skip
