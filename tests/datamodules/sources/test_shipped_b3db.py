from __future__ import annotations

from collections import Counter

from datamodules.notations import number
from datamodules.sources.shipped import SHIPPED
from tests.helpers.small_sets import check_molecules, load_checked


def test_molecules_cross_or_stay_out() -> None:
    table = load_checked(SHIPPED["b3db"])
    assert table.column_names == ["inchikey", "smiles", "label", "log_bb"]
    check_molecules(table)
    assert Counter(table["label"].to_pylist()) == {"crosses": 4956, "stays out": 2849}
    measured = [text for text in table["log_bb"].to_pylist() if text]
    assert len(measured) == 1058
    assert all(map(number.is_valid, measured))
    labels = dict(zip(table["smiles"].to_pylist(), table["label"].to_pylist(), strict=True))
    assert labels["Cn1c(=O)c2c(ncn2C)n(C)c1=O"] == "crosses"  # caffeine
    assert labels["Oc1c(I)cc(Cl)c2cccnc12"] == "stays out"  # clioquinol
