from __future__ import annotations

from pathlib import Path

import pytest

from datamodules.sources import shipped
from datamodules.sources.shipped import DATA, PUBCHEM, SHIPPED


def test_every_file_in_the_folder_is_a_source() -> None:
    assert {path.stem for path in DATA.glob("*.parquet")} == set(SHIPPED)


@pytest.mark.parametrize("name", sorted(SHIPPED))
def test_columns_are_told_in_the_order_of_the_file(name: str) -> None:
    assert SHIPPED[name].load().table.column_names == list(SHIPPED[name].columns)


def test_missing_data_file_says_what_to_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shipped, "DATA", tmp_path)
    with pytest.raises(ValueError, match=r"Expected the built-in data at .*pubchem.parquet.*run `make data`"):
        PUBCHEM.load()
