"""The names of the molecules that the built-in tasks hold out, for texts that have no InChIKey to split by."""

from __future__ import annotations

import functools

import pyarrow.compute as pc

from datamodules.sources.shipped import PUBCHEM
from datamodules.splits import TRAIN, split_by_hash

MOST_WORDS = 4
"""Longer names ("disodium hydrogen phosphate dihydrate hemi...") stand in no dictionary."""


@functools.lru_cache(maxsize=1)
def names() -> frozenset[str]:
    """Return every name and synonym, lower-cased, of the molecules in validation and test of the built-in tasks.

    The split is that of `SequenceTaskDataModule`'s default flags: by the connectivity block of the InChIKey.
    """
    table = PUBCHEM.load().table.select(["inchikey", "iupac", "synonyms"])
    blocks = pc.utf8_slice_codeunits(table["inchikey"], 0, 14).to_pylist()
    table = table.filter(split_by_hash(blocks, 0.05, 0.05) != TRAIN)
    found = {name.lower() for name in table["iupac"].to_pylist()}
    for synonyms in table["synonyms"].to_pylist():
        found.update(name.lower() for name in synonyms)
    return frozenset(name for name in found if name.count(" ") < MOST_WORDS)
