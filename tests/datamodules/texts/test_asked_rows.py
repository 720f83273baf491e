"""Prompts of rows, looked up by index. Windows, gaps and phrasings have tests of their own, which look up by it, too."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from datamodules.texts.asked_rows import AskedRows
from tests.helpers.small_tables import prepare_words, write_csv
from tests.helpers.tiny import make_tokenizer


@pytest.fixture
def asked(tmp_path: Path) -> AskedRows:
    words = ["alpha", "beta", "gamma", "delta", "kappa", "lambda", "sigma", "omega"]
    table = write_csv(tmp_path / "words.csv", [("word", "reversed"), *((word, word[::-1]) for word in words)])
    sides = prepare_words(make_tokenizer(), table, val_fraction=0.5, test_fraction=0.0, max_length=64).sides
    return sides["val"]


def test_prompts_without_windows_are_the_rows(asked: AskedRows) -> None:
    assert asked.num_rows == len(asked.places) == len(asked.encoded) > 1
    assert [asked.asked_as(row) for row in range(asked.num_rows)] == [[row] for row in range(asked.num_rows)]
    for index in range(asked.num_rows):
        row = asked.row(index)
        assert (row.index, row.target, row.phrasing) == (index, row.input[::-1], 0)
    assert (asked.places_once() == asked.places).all()


def test_further_windows_stand_behind_and_ask_their_rows(asked: AskedRows) -> None:
    rows = asked.num_rows
    asked.further = np.array([1, 0, 1])
    asked.places = np.concatenate([asked.places, asked.places[[1, 0, 1]]])
    assert asked.num_rows == rows
    assert asked.asked_as(1) == [1, rows, rows + 2]
    assert [asked.row(prompt).index for prompt in asked.asked_as(1)] == [1, 1, 1]
    assert len(asked.places_once()) == rows


def test_each_phrasing_is_a_prompt_and_counts_the_row_once(asked: AskedRows) -> None:
    once = asked.places
    asked.places, asked.phrasings = np.repeat(once, 2), np.tile([0, 1], len(once))
    assert [asked.row(prompt).phrasing for prompt in range(4)] == [0, 1, 0, 1]
    assert (asked.places_once() == once).all()


def test_answers_stand_between_the_affixes(asked: AskedRows) -> None:
    before, after = asked.affixes(0)
    assert asked.extract(0, f"{before}answer{after}") == "answer"


def test_a_file_to_predict_has_no_targets(asked: AskedRows) -> None:
    asked.has_targets = False
    assert asked.row(0).target is None


def test_rows_that_are_not_tokenised_say_so(asked: AskedRows) -> None:
    asked.tokens = None
    with pytest.raises(AssertionError, match="not tokenised"):
        asked.answer_lengths()
