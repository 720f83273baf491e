from __future__ import annotations

from datamodules.notations import number
from datamodules.sources.shipped import SHIPPED
from tests.helpers.small_sets import check_molecules, load_checked


def test_solubilities_are_numbers_of_molecules() -> None:
    table = load_checked(SHIPPED["aqsoldb"])
    assert (table.num_rows, table.column_names) == (9980, ["inchikey", "smiles", "log_s"])
    check_molecules(table)
    values = table["log_s"].to_pylist()
    assert all(number.is_valid(text) and number.normalize(text) == text for text in values)
    assert -14 < min(map(float, values)) < max(map(float, values)) < 3
    solubility = dict(zip(table["smiles"].to_pylist(), values, strict=True))
    assert solubility["CCOc1ccc(N)cc1"] == "-0.86"
