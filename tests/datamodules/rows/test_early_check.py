from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from datamodules.rows.early_check import check_flags, check_tables

TABLE = "ID,SMILES,Name,side\n1,CCO,ethanol,train\n2,CCN,ethanamine,test\n"


@pytest.fixture
def table(tmp_path: Path) -> str:
    (tmp_path / "table.csv").write_text(TABLE)
    return str(tmp_path / "table.csv")


def own(table: str, **changes: Any) -> dict[str, Any]:
    return {"source": table, "input_column": "smiles", "output_column": "name", **changes}


def test_table_with_its_columns_passes(table: str) -> None:
    for command in ("fit", "validate", "test", "show"):
        check_tables(command, own(table, split_column="side", header="auto", format="tags"))
    check_tables("predict", {"predict_path": table, "source": "never read.csv"})
    check_tables("fit", {})  # the default task


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"input_column": "smilse"}, r"--data\.input_column 'smilse' is not a column of .*table\.csv .*Did you mean 'SMILES'\?"),
        ({"output_column": "nmae"}, r"--data\.output_column 'nmae' .*Did you mean 'Name'\?"),
        ({"split_column": "sides"}, r"--data\.split_column 'sides' .*Did you mean 'side'\?"),
        ({"val_source": "nope.csv"}, "No source 'nope.csv'"),
        ({"test_fraction": 1.0}, "add up to less than 1"),
        ({"split_seed": -1}, "split_seed to be at least 0"),
        ({"format": "alpacca"}, "No format is called 'alpacca'"),
        ({"encoding": "utf9"}, "encoding that Python knows"),
        ({"task": "smiles_to_iupc"}, "No task is called 'smiles_to_iupc'"),
        ({"batch_size": 0}, "batch_size to be at least 1"),
    ],
)  # fmt: skip
def test_mistake_is_told(table: str, changes: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        check_tables("fit", own(table, **changes))


def test_table_without_a_row_is_told(tmp_path: Path) -> None:
    (tmp_path / "header.csv").write_text("smiles,name\n")
    for command, data in (
        ("fit", own(str(tmp_path / "header.csv"))),
        ("predict", {"predict_path": str(tmp_path / "header.csv")}),
    ):
        with pytest.raises(ValueError, match="expected at least one row below the header, but got none"):
            check_tables(command, data)


def test_file_to_predict_needs_the_column(table: str) -> None:
    with pytest.raises(ValueError, match="'word' is not a column"):
        check_tables("predict", {"predict_path": table, "input_column": "word", "output_column": "name"})


def test_cache_must_be_a_folder(table: str) -> None:
    with pytest.raises(ValueError, match=r"--data\.cache_dir to be a folder, but .* is a file"):
        check_flags({"cache_dir": table})


def test_a_table_alone_is_told_which_flags_name_its_columns(tmp_path: Path) -> None:
    path = tmp_path / "my.csv"
    path.write_text('mol,"Supplier, note"\nCCO,x\n')
    told = r"my\.csv has no column 'smiles', .* \(columns: mol, 'Supplier, note'\): name yours with --data\.input_column and"
    with pytest.raises(ValueError, match=told):
        check_tables("fit", {"source": str(path)})
