"""Answers to questions, compared as SQuAD compares them: case, punctuation, articles and white space do not count."""

from __future__ import annotations

import re
import string
from collections import Counter

from datamodules.notations import text as _text
from datamodules.notations._unicode import are_equal

_ARTICLES = re.compile(r"\b(a|an|the)\b")
_PUNCTUATION = str.maketrans("", "", string.punctuation)


# Functions of its own: the child processes call none that another module defines.


def invalid_reason(text: str) -> str | None:
    """Say why `text` is not a usable answer, or return None: what makes a text unusable."""
    return _text.invalid_reason(text)


def is_valid(text: str) -> bool:
    """Say whether `text` is a usable answer."""
    return invalid_reason(text) is None


def normalize(text: str) -> str:
    """Return `text` as the notation `text` does.

    Raises:
        ValueError: If `text` is not valid; the message is the reason.
    """
    return _text.normalize(text)


def simplify(text: str) -> str:
    """Return a text in lower case, without ASCII punctuation, English articles and further white space.

    Source: the evaluation script of SQuAD 1.1 (P. Rajpurkar et al., EMNLP 2016), `normalize_answer`.

    Examples:
        >>> simplify("The  Eiffel-Tower, Paris!")
        'eiffeltower paris'
    """
    return " ".join(_ARTICLES.sub(" ", text.lower().translate(_PUNCTUATION)).split())


def same(prediction: str, target: str) -> dict[str, bool]:
    """Compare two answers: `string`, the same characters; `normalized`, the same after `simplify`.

    Examples:
        >>> same("the cat.", "Cat")
        {'string': False, 'normalized': True}
    """
    return {"string": are_equal(prediction, target), "normalized": simplify(prediction) == simplify(target)}


def token_f1(prediction: str, target: str) -> float:
    """Return the F1 score of the words that two answers share, each word as often as it stands in both.

    Source: SQuAD's script, `f1_score`: without a common word it is 0, also for two answers without words.

    Examples:
        >>> round(token_f1("the black cat", "a cat"), 3)
        0.667
    """
    words, wanted = simplify(prediction).split(), simplify(target).split()
    common = (Counter(words) & Counter(wanted)).total()
    if common == 0:
        return 0.0
    precision, recall = common / len(words), common / len(wanted)
    return 2 * precision * recall / (precision + recall)
