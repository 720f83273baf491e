from __future__ import annotations

from collections import Counter

import pytest

from datamodules.notations import number
from datamodules.sources import b3db
from tests.helpers.small_sets import check_molecules, load_checked


def test_molecules_cross_or_stay_out() -> None:
    table = load_checked(b3db)
    assert table.column_names == ["inchikey", "smiles", "label", "log_bb"]
    check_molecules(table)
    assert Counter(table["label"].to_pylist()) == {"crosses": 4956, "stays out": 2849}
    measured = [text for text in table["log_bb"].to_pylist() if text]
    assert len(measured) == 1058
    assert all(map(number.is_valid, measured))
    labels = dict(zip(table["smiles"].to_pylist(), table["label"].to_pylist(), strict=True))
    assert labels["Cn1c(=O)c2c(ncn2C)n(C)c1=O"] == "crosses"  # caffeine
    assert labels["Oc1c(I)cc(Cl)c2cccnc12"] == "stays out"  # clioquinol


def test_missing_data_file_says_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(b3db, "PATH", b3db.PATH.with_name("gone.parquet"))
    with pytest.raises(ValueError, match=r"Expected the built-in data at .*gone.parquet.*run `make data`"):
        b3db.load()
