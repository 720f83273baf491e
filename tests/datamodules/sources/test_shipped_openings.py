from __future__ import annotations

from collections import Counter

from datamodules.sources.shipped import SHIPPED
from tests.helpers.small_sets import load_checked, read_counts


def test_openings_have_different_moves_a_name_and_a_code() -> None:
    table = load_checked(SHIPPED["openings"])
    assert (table.num_rows, table.column_names) == (3532, ["moves", "name", "family", "eco", "volume"])
    rows = table.to_pylist()
    assert [row["moves"] for row in rows] == sorted({row["moves"] for row in rows})
    assert all(row["eco"].startswith(row["volume"]) and row["name"].startswith(row["family"]) for row in rows)
    assert set(Counter(row["volume"] for row in rows)) == set("ABCDE")
    names = {row["moves"]: (row["name"], row["eco"]) for row in rows}
    assert names["1. e4 c5"] == ("Sicilian Defense", "B20")
    assert names["1. e4 e5 2. Nf3 Nc6 3. Bb5"] == ("Ruy Lopez", "C60")
    assert read_counts(SHIPPED["openings"])["set_aside"]["from a list without a clear licence"] > 8000
