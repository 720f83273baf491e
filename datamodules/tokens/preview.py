"""Show a row as the model sees it, with what is supervised marked."""

from __future__ import annotations

from itertools import groupby
from typing import Any

import numpy as np
from numpy.typing import NDArray

from datamodules.tokens.examples import IGNORE_INDEX

LEFT, RIGHT = "\u27e6", "\u27e7"
COLOURS = ("\x1b[1;32m", "\x1b[1;36m")
"""Bold green and bold cyan, in turns, so that a token's end can be seen."""
PLAIN = "\x1b[0m"


def render_preview(
    tokenizer: Any, ids: NDArray[np.int32], labels: NDArray[np.int64], title: str, colour: bool = False
) -> str:
    """Return a row as text: the prompt unchanged, and what is supervised in one pair of brackets or in colours.

    Args:
        tokenizer: Turns ids back into text.
        ids: (T,) token ids.
        labels: (T,) labels.
        title: Title of the heading above the row.
        colour: For a terminal: each supervised token in green or cyan, in turns, and no brackets.
    """
    supervised = (labels != IGNORE_INDEX).tolist()
    parts: list[str] = []
    for marked, run in groupby(zip(ids.tolist(), supervised, strict=True), key=lambda pair: pair[1]):
        tokens = [token for token, _ in run]
        if marked and colour:
            parts += [
                f"{COLOURS[place % 2]}{tokenizer.decode([token])}{PLAIN}"
                for place, token in enumerate(tokens)
            ]
        else:
            # Tokens are decoded together because a character can span several byte-level tokens.
            text = tokenizer.decode(tokens)
            parts.append(f"{LEFT}{text}{RIGHT}" if marked else text)
    how = "in colour" if colour else f"in {LEFT} {RIGHT}"
    heading = f"-- {title}: {len(ids)} tokens, of which {sum(supervised)} supervised, {how} --"
    return "\n".join((heading, "".join(parts), ""))
