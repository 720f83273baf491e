from __future__ import annotations

import hashlib

import numpy as np
import pytest

from datamodules import splits
from datamodules.splits import TEST, TRAIN, VAL
from datamodules.storage.text_columns import TextColumn

IDENTITIES = [f"molecule {number // 2}" for number in range(4000)]  # each identity twice


@pytest.mark.parametrize("method", [splits.split_by_hash, splits.split_at_random])
def test_splits_have_the_asked_shares_and_no_overlap(method) -> None:  # type: ignore[no-untyped-def]
    sides = method(IDENTITIES, 0.1, 0.2)
    assert np.mean(sides == VAL) == pytest.approx(0.1, abs=0.02)
    assert np.mean(sides == TEST) == pytest.approx(0.2, abs=0.03)
    assert splits.count_overlap(IDENTITIES, sides) == {"train/val": 0, "train/test": 0, "val/test": 0}
    assert (sides == method(IDENTITIES, 0.1, 0.2)).all()
    assert (sides != method(IDENTITIES, 0.1, 0.2, seed=1)).any()


def test_hash_split_keeps_rows_on_their_side_when_the_data_grow() -> None:
    few = splits.split_by_hash(IDENTITIES[:500], 0.1, 0.1)
    many = splits.split_by_hash(IDENTITIES, 0.1, 0.1)
    assert (few == many[:500]).all()


def test_random_split_has_exact_shares() -> None:
    sides = splits.split_at_random([str(number) for number in range(1000)], 0.1, 0.05)
    assert [(sides == side).sum() for side in (TRAIN, VAL, TEST)] == [850, 100, 50]


def test_group_split_keeps_scaffolds_and_identities_together() -> None:
    rng = np.random.default_rng(0)
    scaffolds = [f"ring {rng.integers(300)}" if rng.random() < 0.7 else "" for _ in IDENTITIES]
    sides = splits.split_by_group(IDENTITIES, scaffolds, 0.2, 0.2)
    assert splits.count_overlap(IDENTITIES, sides) == {"train/val": 0, "train/test": 0, "val/test": 0}
    ringed = [(scaffold, side) for scaffold, side in zip(scaffolds, sides, strict=True) if scaffold]
    assert (
        sum(splits.count_overlap([s for s, _ in ringed], np.array([side for _, side in ringed])).values())
        == 0
    )
    acyclic = splits.split_by_group([str(n) for n in range(500)], [""] * 500, 0.2, 0.2)
    assert len(set(acyclic)) == 3  # molecules without a ring are not one huge group


def test_split_column_takes_common_names_of_sides() -> None:
    assert splits.split_as_given(["Train", "validation", " test ", "dev"]).tolist() == [TRAIN, VAL, TEST, VAL]
    with pytest.raises(ValueError, match="hold train, val or test, but got 'holdout'"):
        splits.split_as_given(["train", "holdout"])


def test_overlap_of_identities_is_counted() -> None:
    sides = np.array([TRAIN, VAL, TEST, TRAIN], dtype=np.int8)
    assert splits.count_overlap(["a", "a", "a", "b"], sides) == {
        "train/val": 1,
        "train/test": 1,
        "val/test": 1,
    }


@pytest.mark.parametrize("fractions", [(-0.1, 0.1), (0.5, 0.5), (1.0, 0.0)])
def test_wrong_fractions_are_errors(fractions: tuple[float, float]) -> None:
    with pytest.raises(ValueError, match="to be at least 0 and to add up to less than 1"):
        splits.split_by_hash(["a"], *fractions)


def test_subsets_are_nested() -> None:
    order = splits.nested_order(IDENTITIES)
    assert sorted(order) == list(range(len(IDENTITIES)))
    assert set(order[:100]) < set(order[:1000])
    assert (order == splits.nested_order(IDENTITIES)).all()


def test_splits_are_those_of_earlier_versions() -> None:
    """Hashes of what the first version gave: a row that moved would leak what an earlier run was trained on."""
    identities = [*IDENTITIES, "", "\u00e9", "CCO"]
    scaffolds = [f"ring {n % 300}" if n % 3 else "" for n in range(4003)]
    found = [
        splits.split_by_hash(identities, 0.1, 0.2, 7),
        splits.split_at_random(identities, 0.1, 0.2, 7),
        splits.split_by_group(identities, scaffolds, 0.1, 0.2, 7),
        splits.nested_order(identities, 7),
    ]
    digests = [hashlib.blake2b(part.astype("<i8").tobytes(), digest_size=8).hexdigest() for part in found]
    assert digests == ["56c55dfd97157ac4", "01bba7dbaf757d2c", "135eb2024f2309cc", "164797f0fa7f036c"]
    column = TextColumn.of(identities)
    assert (splits.split_by_hash(column, 0.1, 0.2, 7) == found[0]).all()
    assert (splits.nested_order(column, 7) == found[3]).all()
