"""Leak-free splits: pure functions from identities to train, validation and test.

Rows with the same identity are always on the same side. An identity is a string such as the connectivity block of an
InChIKey, so that stereoisomers, tautomers and both directions of a pair stay together.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from itertools import islice

import numpy as np
from numpy.typing import NDArray

from datamodules.limits import check_fractions
from datamodules.storage import spill
from datamodules.storage.spill import each_text
from datamodules.storage.text_columns import TextColumn

TRAIN, VAL, TEST = 0, 1, 2
LEFT_OUT = -1
"""On no side: a row that is held out, and that evaluation does not ask."""
NAMES = ("train", "val", "test")
PAIRS = {"train/val": (TRAIN, VAL), "train/test": (TRAIN, TEST), "val/test": (VAL, TEST)}
# Names of the sides in tables' split columns, in lower case.
GIVEN_NAMES = {
    "train": TRAIN, "training": TRAIN,
    "val": VAL, "valid": VAL, "validation": VAL, "dev": VAL,
    "test": TEST, "testing": TEST,
}  # fmt: skip


def unit_hashes(texts: Iterable[str], salt: str) -> NDArray[np.float64]:
    """Return a number in [0, 1) for each text, which depends only on the text and `salt` (BLAKE2b, 53 bits).

    Examples:
        >>> unit_hashes(["ethanol", "methanol", "ethanol"], salt="split0").round(3).tolist()
        [0.416, 0.544, 0.416]
    """
    start = hashlib.blake2b(digest_size=8, salt=salt.encode()[:16])

    def digest(text: str) -> bytes:
        state = start.copy()
        state.update(text.encode())
        return state.digest()

    found, rest = [np.zeros(0, dtype=np.float64)], iter(texts)
    while block := list(islice(rest, spill.BLOCK)):
        numbers = np.frombuffer(b"".join(map(digest, block)), dtype=">u8")
        found.append((numbers >> np.uint64(11)).astype(np.float64) / (1 << 53))
    return np.concatenate(found)


def split_by_hash(
    identities: Sequence[str], val_fraction: float, test_fraction: float, seed: int = 0
) -> NDArray[np.int8]:
    """Assign each row to the side that the hash of its identity determines.

    A row keeps its side when other rows are added or removed, so a data set can grow without a leak.

    Args:
        identities: One string per row.
        val_fraction: Expected share of identities in validation.
        test_fraction: Expected share of identities in test.
        seed: Seed of the split.

    Returns:
        (N,) int8 of TRAIN, VAL, TEST.

    Examples:
        >>> few, more = ["a", "b", "c", "a"], ["d", "a", "b", "c", "a", "e"]  # c stays in validation, where d joins it
        >>> split_by_hash(few, 0.25, 0.25).tolist(), split_by_hash(more, 0.25, 0.25).tolist()
        ([0, 0, 1, 0], [1, 0, 0, 1, 0, 0])
    """
    check_fractions(val_fraction, test_fraction)
    column = TextColumn.of(identities)
    hashes = unit_hashes(each_text(column.values), f"split{seed}")
    sides = np.full(len(hashes), TRAIN, dtype=np.int8)
    sides[hashes < val_fraction + test_fraction] = VAL
    sides[hashes < test_fraction] = TEST
    return sides[column.codes]


def split_at_random(
    identities: Sequence[str], val_fraction: float, test_fraction: float, seed: int = 0
) -> NDArray[np.int8]:
    """Shuffle the identities and cut the list: the shares are exact, but a new row can move all others.

    The arguments and the result are those of `split_by_hash`.

    Examples:
        >>> sides = split_at_random([f"molecule {number}" for number in range(10)], 0.1, 0.2)
        >>> {name: int((sides == side).sum()) for side, name in enumerate(NAMES)}
        {'train': 7, 'val': 1, 'test': 2}
    """
    check_fractions(val_fraction, test_fraction)
    column = TextColumn.of(identities)
    texts = np.array(column.values.to_pylist(), dtype=object).astype(str)
    unique, group = np.unique(texts, return_inverse=True)
    order = np.random.default_rng(seed).permutation(len(unique))
    sides = np.full(len(unique), TRAIN, dtype=np.int8)
    num_test, num_val = round(test_fraction * len(unique)), round(val_fraction * len(unique))
    sides[order[:num_test]] = TEST
    sides[order[num_test : num_test + num_val]] = VAL
    return sides[group][column.codes]


def split_by_group(
    identities: Sequence[str],
    groups: Sequence[str],
    val_fraction: float,
    test_fraction: float,
    seed: int = 0,
) -> NDArray[np.int8]:
    """Keep all molecules of a group (Bemis-Murcko scaffold, parent of salts) on one side, by the group's hash.

    Molecules without a group (no ring, so no scaffold) are assigned by their identity. Rows with the same identity can have
    different groups (scaffolds of tautomers); such groups are joined.

    Args:
        identities: One string per row.
        groups: One string per row, `""` for no group.
        val_fraction: Expected share of groups in validation.
        test_fraction: Expected share of groups in test.
        seed: Seed of the split.

    Examples:
        >>> molecules, scaffolds = ["toluene", "phenol", "ethanol", "propanol"], ["c1ccccc1", "c1ccccc1", "", ""]
        >>> sides = split_by_group(molecules, scaffolds, 0.3, 0.3)
        >>> bool(sides[0] == sides[1])  # both are benzenes
        True
    """
    parent: dict[str, str] = {}

    def root(key: str) -> str:
        parent.setdefault(key, key)
        while parent[key] != key:
            parent[key] = parent[parent[key]]
            key = parent[key]
        return key

    identity_column, group_column = TextColumn.of(identities), TextColumn.of(groups)
    identity_texts, group_texts = identity_column.values.to_pylist(), group_column.values.to_pylist()
    pairs = np.unique(identity_column.codes.astype(np.int64) * len(group_texts) + group_column.codes)
    for identity, group in zip(*(part.tolist() for part in np.divmod(pairs, len(group_texts))), strict=True):
        if group_texts[group]:
            # The keys' texts decide the hashes, and with them the split.
            low, high = sorted(
                (root(f"identity {identity_texts[identity]}"), root(f"shared {group_texts[group]}"))
            )
            parent[high] = low
    joined = TextColumn.of([root(f"identity {identity}") for identity in identity_texts])
    return split_by_hash(joined, val_fraction, test_fraction, seed)[identity_column.codes]


def side_of(cell: str) -> int | None:
    """Return the side named in a cell of a split column, or None if it names no side.

    Examples:
        >>> side_of(" Validation "), side_of("holdout")
        (1, None)
    """
    return GIVEN_NAMES.get(cell.strip().lower())


def unknown_sides(names: Sequence[str], where: str) -> dict[int, str]:
    """Return the reasons why rows have no side, by position: their cell of the split column names none.

    Args:
        names: (N,) cells of the split column.
        where: Name of the column, for the error.

    Raises:
        ValueError: If no row has a side.
    """
    column = TextColumn.of(names)
    known = np.array([side_of(text) is not None for text in column.values.to_pylist()], dtype=bool)
    if len(column) and not known.any():
        raise ValueError(
            f"Expected the split column to hold train, val or test, but {where} holds {column[0]!r} and none of these names."
        )
    places: list[int] = np.flatnonzero(~known[column.codes]).tolist() if len(column) else []
    return {place: f"split column: {column[place]!r} is not train, val or test" for place in places}


def split_as_given(names: Sequence[str]) -> NDArray[np.int8]:
    """Read a table's own split column (train, val or validation, test; any case).

    Raises:
        ValueError: If a name is not one of these.

    Examples:
        >>> split_as_given(["train", "dev", "Test"]).tolist()
        [0, 1, 2]
        >>> split_as_given(["train", "holdout"])
        Traceback (most recent call last):
            ...
        ValueError: Expected the split column to hold train, val or test, but got 'holdout'.
    """
    column = TextColumn.of(names)
    sides = []
    for name in column.values.to_pylist():
        side = side_of(name)
        if side is None:
            raise ValueError(f"Expected the split column to hold train, val or test, but got {name!r}.")
        sides.append(side)
    return np.array(sides, dtype=np.int8)[column.codes]


def count_overlap(identities: Sequence[str], sides: NDArray[np.int8]) -> dict[str, int]:
    """Count the identities that are on two sides at once.

    Returns:
        `{"train/val": n, "train/test": n, "val/test": n}`; all 0 for a leak-free split.

    Examples:
        >>> count_overlap(["a", "a", "b", "c"], np.array([TRAIN, TEST, TRAIN, VAL], dtype=np.int8))
        {'train/val': 0, 'train/test': 1, 'val/test': 0}
    """
    column = TextColumn.of(identities)
    if len(column) > spill.PART:  # a text may stand several times among the values of a large table
        column = TextColumn.of(column.values).spread(column.codes)
    members = np.zeros((len(NAMES), len(column.values)), dtype=bool)
    members[sides, column.codes] = True
    return {name: int((members[one] & members[other]).sum()) for name, (one, other) in PAIRS.items()}


def nested_order(identities: Iterable[str], seed: int = 0) -> NDArray[np.int64]:
    """Order rows by a hash of identity and position, so that the first 100 are among the first 1,000.

    Examples:
        >>> identities = [f"molecule {number}" for number in range(1_000)]
        >>> order = nested_order(identities)
        >>> order[:3].tolist(), sorted(order.tolist()) == list(range(1_000))
        ([389, 35, 778], True)
    """
    texts = (f"{identity}\0{place}" for place, identity in enumerate(identities))
    return np.argsort(unit_hashes(texts, f"order{seed}"), kind="stable")
