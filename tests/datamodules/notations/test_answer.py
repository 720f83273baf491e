"""The cases of SQuAD's own script, and what it does with them."""

from __future__ import annotations

import re
import string
from collections import Counter

import pytest

from datamodules.notations.answer import same, simplify, token_f1
from datamodules.storage.text_columns import as_strings
from datamodules.workers.worker_pool import WorkerPool

PAIRS = [
    ("the cat", "Cat."), ("Denver Broncos", "denver broncos"), ("The  Denver Broncos!", "Broncos"), ("a", "the"), ("", "x"),
    ("an apple a day", "apple day"), ("1,000", "1000"), ("state-of-the-art", "state of the art"), ("x", "x"), ("cat cat", "cat"),
]  # fmt: skip


def reference_f1(prediction: str, truth: str) -> float:
    """SQuAD 1.1's published definition, written out."""

    def normalize(text: str) -> list[str]:
        lowered = "".join(letter for letter in text.lower() if letter not in set(string.punctuation))
        return re.sub(r"\b(a|an|the)\b", " ", lowered).split()

    given, wanted = normalize(prediction), normalize(truth)
    shared = sum((Counter(given) & Counter(wanted)).values())
    if shared == 0:
        return 0.0
    precision, recall = shared / len(given), shared / len(wanted)
    return 2 * precision * recall / (precision + recall)


@pytest.mark.parametrize("pair", PAIRS)
def test_f1_is_that_of_the_definition(pair: tuple[str, str]) -> None:
    assert token_f1(*pair) == reference_f1(*pair)


def test_case_punctuation_and_articles_do_not_count() -> None:
    assert same("the cat", "Cat.") == {"string": False, "normalized": True}
    assert same("cats", "Cat") == {"string": False, "normalized": False}
    assert simplify("A state-of-the-art") == "stateoftheart"


def test_a_table_of_ones_own_has_answers_that_child_processes_read() -> None:
    with WorkerPool(1) as pool:
        answers = pool.map("answer", "normalize", as_strings([" the cat", "\t"])).or_else(
            as_strings(["", "-"])
        )
        reasons = pool.map("answer", "invalid_reason", as_strings(["the cat"])).errors
    assert (answers.to_pylist(), dict(reasons)) == (["the cat", "-"], {})
