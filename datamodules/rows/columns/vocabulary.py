"""Restrict a task's rows to a list of words: reduced-scale language."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from datamodules.storage.text_columns import TextColumn

_WORD = re.compile(r"[^\W\d_]+")
"""Digits and punctuation are no words."""


def read_words(path: str) -> frozenset[str]:
    """Return the words of a file, a line each, in lower case.

    Raises:
        ValueError: If there is no such file, it is not UTF-8, or it has no words.
    """
    try:
        text = Path(path).expanduser().read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise ValueError(
            f"Expected the task's `words` to be a UTF-8 file with a word a line, but {path!r} cannot be read: {error}."
        ) from error
    words = frozenset(word for line in text.splitlines() for word in _WORD.findall(line.casefold()))
    if not words:
        raise ValueError(
            f"Expected the task's `words` to be a file with a word a line, but {path!r} has none."
        )
    return words


def find_other_words(columns: Sequence[TextColumn], words: frozenset[str], path: str) -> dict[int, str]:
    """Return why rows cannot be used whose texts have words that are not in a list, by their places.

    Args:
        columns: (N,) texts each; a row is used if all its texts have words of the list only.
        words: The words, in lower case.
        path: The list's file, for the reason.

    Examples:
        >>> find_other_words([TextColumn.of(["The cat, 2 cats.", "a cat"])], frozenset(["the", "cat", "cats"]), "w.txt")
        {1: 'uses other words than w.txt'}
    """
    other = np.zeros(len(columns[0]), dtype=bool)
    for column in columns:
        texts = column.values.to_pylist()
        bad = np.array([not words.issuperset(_WORD.findall(text.casefold())) for text in texts], dtype=bool)
        other |= bad[column.codes]
    return {int(place): f"uses other words than {path}" for place in np.flatnonzero(other)}
