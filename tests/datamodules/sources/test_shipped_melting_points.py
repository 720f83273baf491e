from __future__ import annotations

from datamodules.notations import number
from datamodules.sources.shipped import SHIPPED
from tests.helpers.small_sets import check_molecules, load_checked


def test_melting_points_are_degrees_celsius_of_molecules() -> None:
    table = load_checked(SHIPPED["melting_points"])
    assert (table.num_rows, table.column_names) == (11_531, ["inchikey", "smiles", "celsius"])
    check_molecules(table)
    values = table["celsius"].to_pylist()
    assert all(number.is_valid(text) and number.normalize(text) == text for text in values)
    assert -273 < min(map(float, values)) < max(map(float, values)) == 804  # common salt
    melts_at = dict(zip(table["smiles"].to_pylist(), map(float, values), strict=True))
    assert abs(melts_at["CC(=O)Oc1ccccc1C(=O)O"] - 135) < 10  # aspirin
    assert abs(melts_at["O=C(O)c1ccccc1"] - 122) < 3  # benzoic acid
