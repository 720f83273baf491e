"""Whether a cheaper identity than InChI's connectivity splits the built-in molecules in the same way, and what it costs.

The cheaper one is RDKit's canonical SMILES without stereo and isotopes. `python -m bench.release.identities` prints a JSON
line for each built-in source:

    molecules        rows of the source, each another molecule
    flats            different SMILES without stereo and isotopes
    blocks           different first blocks of InChIKeys: today's identities
    flats_in_two     of the flats, those with more than one block: asking InChI once a flat would change their identity
    blocks_in_two    of the blocks, those with more than one flat: tautomers and protonated forms, which only InChI joins
    leaks            of these, those that a split by flats would put on two sides (5 % validation, 5 % test)
    *_ms             milliseconds a molecule, of 2,000 of them: reading, the flat, and InChI
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from datamodules.notations.molecules.edits import flatten
from datamodules.notations.molecules.structure import first_block, read_once
from datamodules.sources.lookup import load_source
from datamodules.splits import split_by_hash

SOURCES = ("pubchem", "b3db", "aqsoldb")
_TIMED = 2_000


def group(keys: Sequence[str], values: Sequence[str]) -> dict[str, set[str]]:
    """Return the different values of each key.

    Examples:
        >>> {key: sorted(found) for key, found in group(["a", "b", "a"], ["x", "x", "y"]).items()}
        {'a': ['x', 'y'], 'b': ['x']}
    """
    found: defaultdict[str, set[str]] = defaultdict(set)
    for key, value in zip(keys, values, strict=True):
        found[key].add(value)
    return dict(found)


def count_leaks(flats_of_block: Mapping[str, set[str]]) -> int:
    """Return how many blocks have flats on different sides of a split by flats."""
    flats = sorted({flat for found in flats_of_block.values() for flat in found})
    sides = dict(zip(flats, split_by_hash(flats, 0.05, 0.05).tolist(), strict=True))
    return sum(len({sides[flat] for flat in found}) > 1 for found in flats_of_block.values())


def compare(smiles: Sequence[str], blocks: Sequence[str]) -> dict[str, int]:
    """Return the counts of the module's docstring.

    Args:
        smiles: Valid molecules.
        blocks: Their identities.
    """
    flats = [flatten(read_once(text).mol) for text in smiles]
    of_flat, of_block = group(flats, blocks), group(blocks, flats)
    return {
        "molecules": len(smiles),
        "flats": len(of_flat),
        "blocks": len(of_block),
        "flats_in_two": sum(len(found) > 1 for found in of_flat.values()),
        "blocks_in_two": sum(len(found) > 1 for found in of_block.values()),
        "leaks": count_leaks(of_block),
    }


def _milliseconds(function: Callable[[Any], Any], items: Sequence[Any]) -> float:
    start = time.process_time()
    for item in items:
        function(item)
    return round(1000 * (time.process_time() - start) / len(items), 3)


def main(words: list[str] | None = None) -> None:
    """Print a JSON line for each source."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--source", nargs="+", choices=SOURCES, default=SOURCES)
    args = parser.parse_args(words)
    for name in args.source:
        table = load_source(name).table
        smiles = table["smiles"].to_pylist()
        found: dict[str, Any] = compare(smiles, [first_block(key) for key in table["inchikey"].to_pylist()])
        some = smiles[:: max(1, len(smiles) // _TIMED)]
        molecules = [read_once(text) for text in some]
        found["read_ms"] = _milliseconds(read_once, some)
        found["flat_ms"] = _milliseconds(lambda one: flatten(one.mol), molecules)
        found["inchi_ms"] = _milliseconds(lambda one: one.inchikey, molecules)
        sys.stdout.write(json.dumps({"source": name, **found}) + "\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
