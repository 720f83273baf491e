"""Generated pairs of DNA and protein: a task with one exact rule, no files, no chemistry and no noise.

Columns: `dna` (the coding strand, upper-case, 1 to 20 codons read from the first base) and `protein` (one-letter amino acids).
Codons are uniform over the 61 that have a meaning. Half of the rows end in one of the three stop codons, written `*`;
no stop codon stands elsewhere, and a row needs no start codon.
"""

from __future__ import annotations

import random

import pyarrow as pa

from datamodules.sources.rows import Rows, built_in

BASES = "TCAG"
# NCBI translation table 1 in the order of its bases: TTT, TTC, TTA, TTG, TCT, ...
_AMINO_ACIDS = "FFLLSSSSYY**CC*WLLLLPPPPHHQQRRRRIIIMTTTTNNKKSSRRVVVVAAAADDEEGGGG"
CODONS = {
    first + second + third: _AMINO_ACIDS[16 * i + 4 * j + k]
    for i, first in enumerate(BASES)
    for j, second in enumerate(BASES)
    for k, third in enumerate(BASES)
}
SENSE = sorted(codon for codon, amino_acid in CODONS.items() if amino_acid != "*")
STOPS = sorted(codon for codon, amino_acid in CODONS.items() if amino_acid == "*")
ROWS = 20_000
MAX_CODONS = 20


def translate(dna: str) -> str:
    """Return the protein that a DNA of whole codons spells, stop codons as `*`.

    Examples:
        >>> translate("ATGGCCTAA")
        'MA*'
    """
    return "".join(CODONS[dna[start : start + 3]] for start in range(0, len(dna), 3))


def generate(rows: int, seed: int) -> list[tuple[str, str]]:
    """Return `rows` different (dna, protein) pairs, a pure function of `rows` and `seed`.

    Args:
        rows: How many pairs, at most a million.
        seed: Any whole number.
    """
    assert rows <= 1_000_000, "different short sequences run out"
    # Of the standard library's generators only `random()` keeps its sequence over Python's versions.
    draw = random.Random(seed).random
    pairs: dict[str, str] = {}
    while len(pairs) < rows:
        codons = [SENSE[int(draw() * len(SENSE))] for _ in range(1 + int(draw() * MAX_CODONS))]
        if draw() < 0.5:
            codons[-1] = STOPS[int(draw() * len(STOPS))]
        dna = "".join(codons)
        pairs[dna] = translate(dna)
    return list(pairs.items())


def load() -> Rows:
    """Return 20,000 different pairs, the same on every machine."""
    dna, protein = zip(*generate(ROWS, seed=0), strict=True)
    table = pa.table({"dna": pa.array(dna, pa.string()), "protein": pa.array(protein, pa.string())})
    return built_in("dna_to_protein", table)
