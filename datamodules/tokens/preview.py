"""Show a row as the model sees it, with supervised tokens marked."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from datamodules.tokens.examples import IGNORE_INDEX

LEFT, RIGHT = "\u27e6", "\u27e7"


def render_preview(tokenizer: Any, ids: NDArray[np.int32], labels: NDArray[np.int64], title: str) -> str:
    """Return a row as text: the prompt unchanged, then each supervised token in double brackets.

    Args:
        tokenizer: Turns ids back into text.
        ids: (T,) token ids.
        labels: (T,) labels.
        title: Title of the heading above the row.
    """
    supervised = labels != IGNORE_INDEX
    parts: list[str] = []
    run: list[int] = []
    for token, marked in zip(ids.tolist(), supervised.tolist(), strict=True):
        if marked:
            # Unmarked tokens are decoded together because a character can span several byte-level tokens.
            parts += [tokenizer.decode(run), f"{LEFT}{tokenizer.decode([token])}{RIGHT}"]
            run = []
        else:
            run.append(token)
    parts.append(tokenizer.decode(run))
    count = int(supervised.sum())
    heading = f"-- {title}: {len(ids)} tokens, of which {count} supervised, marked {LEFT} {RIGHT} --"
    return "\n".join((heading, "".join(parts), ""))
