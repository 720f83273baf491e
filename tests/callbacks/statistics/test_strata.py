from __future__ import annotations

import numpy as np
import pytest

from callbacks.statistics.intervals import wilson_interval
from callbacks.statistics.strata import CUTS, Stratified, bins_of, name_bin, stratify


@pytest.mark.parametrize(
    ("stratum", "value", "name"),
    [
        ("heavy_atoms", 5, "0 to 5"), ("heavy_atoms", 6, "6 to 10"), ("heavy_atoms", 51, "51 and more"),
        ("rings", 0, "0"), ("rings", 1, "1"), ("rings", 5, "4 to 5"), ("components", 1, "1"), ("components", 3, "2 and more"),
        ("nearest_training", 0.0, "0 to <0.3"), ("nearest_training", 0.3, "0.3 to <0.4"),
        ("nearest_training", 0.999, "0.9 to <1"), ("nearest_training", 1.0, "1"),
    ],
)  # fmt: skip
def test_bins_say_what_is_in_them(stratum, value, name):
    assert name_bin(CUTS[stratum], value)[1] == name


def test_charge_and_elements_have_bins_of_their_own():
    def names(**numbers):
        return {stratum: name for stratum, (_, name) in bins_of(numbers).items()}

    assert names(charge=0, charged_atoms=0) == {"charge": "no charge"}
    assert names(charge=0, charged_atoms=2) == {"charge": "charged atoms, neutral in all"}
    assert names(charge=-1, charged_atoms=1) == {"charge": "net charge"}
    assert names(rare_elements=0) == {"elements": "C, H, N, O, halogens only"}
    assert names(rare_elements=2) == {"elements": "others, too"}


def test_each_row_is_in_one_bin_of_each_stratum():
    rng = np.random.default_rng(0)
    rows = [
        Stratified(
            "t",
            bool(n % 3 == 0),
            n % 3 < 2,
            {"rings": int(rng.integers(8)), "input_length": int(rng.integers(200))},
        )
        for n in range(300)
    ]
    lines = stratify(rows)
    for stratum in ("rings", "input_length"):
        mine = [line for line in lines if line["stratum"] == stratum]
        assert sum(line["rows"] for line in mine) == 300
        assert sum(line["exact"] for line in mine) == 100
        assert sum(line["right"] for line in mine) == 200
    few = next(line for line in lines if line["bin"] == "1")
    expected = [row for row in rows if row.numbers["rings"] == 1]
    assert (few["rows"], few["exact"]) == (len(expected), sum(row.exact for row in expected))
    assert (few["low"], few["high"]) == wilson_interval(few["exact"], few["rows"])
    rings = [line["bin"] for line in lines if line["stratum"] == "rings"]
    assert rings == ["0", "1", "2", "3", "4 to 5", "6 and more"]


def test_numbers_have_their_error_by_kind_of_row_and_no_shares():
    found = [(1.0, 1.5), (2.0, None), (6.0, 5.0)]
    rows = [Stratified("n", False, False, {"rings": place // 2}, *pair) for place, pair in enumerate(found)]
    few, many = stratify([*rows, Stratified("t", True, True, {"rings": 0})])[:2]
    # The mean of the targets, 3, stands in for the answer that is no number.
    assert (few["bin"], few["rows"], few["mae_all"]) == ("0", 2, (0.5 + 1.0) / 2)
    assert (many["mae_all"], many["mae_all_low"], many["mae_all_high"]) == (1.0, 1.0, 1.0)
    assert few["exact_match"] is None
    [of_text] = stratify([Stratified("t", True, True, {"rings": 0})])
    assert (of_text["exact_match"], of_text["mae_all"]) == (1.0, None)
