"""The tokens of the choices of evaluated rows, for scoring them behind their prompts.

Legend: N rows, C choices of all rows together, M distinct completions.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from datamodules.storage.text_columns import TextColumn, gather
from datamodules.tokens.examples import Encoded, encode


@dataclass(frozen=True)
class ChoiceTokens:
    """The completions that each row allows, and its prompt without an input."""

    completions: Encoded
    """M distinct completions, each with an empty prompt and the stop token."""
    codes: NDArray[np.int64]
    """(C,) the completion of each choice, row after row."""
    offsets: NDArray[np.int64]
    """(N + 1,) the start of each row in `codes`; a row whose answer is any text has none."""
    nulls: Encoded
    """Distinct prompts without an input."""
    null_codes: NDArray[np.int64]
    """(N,) the prompt without an input of each row."""

    def of_rows(self, rows: NDArray[np.int64]) -> ChoiceTokens:
        """Return the choices of some rows, (B,)."""
        places, offsets = gather(self.offsets, rows)
        return ChoiceTokens(self.completions, self.codes[places], offsets, self.nulls, self.null_codes[rows])

    @property
    def row_of_choice(self) -> NDArray[np.int64]:
        """(C,) the row of each choice."""
        return np.repeat(np.arange(len(self.offsets) - 1), np.diff(self.offsets))


def encode_choices(
    tokenizer: Any, completions: Sequence[Sequence[str]], nulls: Sequence[str], *, special_tokens: bool = True
) -> ChoiceTokens:
    """Tokenise the choices of rows as training tokenises their completions; each distinct text once.

    Args:
        tokenizer: The base's tokenizer.
        completions: N lists, each row's choices as the format writes them.
        nulls: N prompts without an input.
        special_tokens: Whether a prompt gets the tokenizer's begin token.
    """
    texts = TextColumn.of([text for options in completions for text in options])
    empty = TextColumn.of(nulls)
    distinct, prompts = texts.values.to_pylist(), empty.values.to_pylist()
    return ChoiceTokens(
        # A prompt without special tokens has no tokens at all.
        encode(tokenizer, [""] * len(distinct), distinct, special_tokens=False),
        texts.codes.astype(np.int64),
        np.cumsum([0, *map(len, completions)], dtype=np.int64),
        encode(tokenizer, prompts, [""] * len(prompts), special_tokens=special_tokens),
        empty.codes.astype(np.int64),
    )
