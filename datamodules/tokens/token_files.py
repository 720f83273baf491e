"""Tokens of many rows, block after block, in memory-mapped files once they are more than a block."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from datamodules.storage import spill
from datamodules.storage.spill import ArraySpill, blocks_of
from datamodules.tokens.examples import Encoded


class EncodedSpill:
    """Examples that are appended to files.

    Args:
        alike: Examples of the same tokenizer, which tell the dtype, and whether answers of demonstrations are known.
    """

    def __init__(self, alike: Encoded) -> None:
        self._ids, self._offsets, self._prompts = (
            ArraySpill(kind) for kind in (alike.ids.dtype, np.int64, np.int64)
        )
        self._answers = None if alike.answers is None else ArraySpill(np.bool_)
        self._offsets.add(np.zeros(1, dtype=np.int64))

    def add(self, encoded: Encoded) -> None:
        """Append examples."""
        self._offsets.add(encoded.offsets[1:] - encoded.offsets[0] + self._ids.count)
        self._ids.add(encoded.ids)
        self._prompts.add(encoded.prompt_lengths)
        if self._answers is not None:
            assert encoded.answers is not None, "all examples know their answers, or none"
            self._answers.add(encoded.answers)

    def finish(self) -> Encoded:
        """Return all examples, mapped."""
        answers = None if self._answers is None else self._answers.finish()
        return Encoded(self._ids.finish(), self._offsets.finish(), self._prompts.finish(), answers)


def encode_in_blocks(encode: Callable[[NDArray[np.int64]], Encoded], rows: NDArray[np.int64]) -> Encoded:
    """Return rows as tokens; what is more than a block goes to files, a block at a time.

    Args:
        encode: Tokenises rows, each of them by itself.
        rows: (N,) row numbers.
    """
    if len(rows) <= spill.BLOCK:
        return encode(rows)
    joined = None
    for block in blocks_of(rows):
        encoded = encode(block)
        joined = joined or EncodedSpill(encoded)
        joined.add(encoded)
    assert joined is not None
    return joined.finish()
