from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest
import torch
from transformers import AutoModelForCausalLM

from bench.speed import drafts
from bench.speed.report import drafts_table
from lightning_modules.decoder.decoders import load_tokenizer

RIGHT = np.array([True, False, True, False, False, True])


def test_rows_are_chosen_by_whether_they_are_right() -> None:
    assert drafts.choose_rows(RIGHT, 50, 4) == [0, 1, 2, 3]
    assert drafts.choose_rows(RIGHT, 0, 3) == [1, 3, 4]
    with pytest.raises(ValueError, match="Expected 4 right rows of 4, but 3 of 6 are"):
        drafts.choose_rows(RIGHT, 100, 4)


def test_drafts_are_measured_in_turns_and_compared_with_plain_decoding(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    asked: list[str] = []

    def run(way: str, places: Sequence[int]) -> dict[str, Any]:
        asked.append(way)
        texts = ["a", "b" if way == "plain" else "c"]
        return {
            "seconds": {"plain": 2, "drafts": 1, "transformers": 4}[way],
            "wall": 9,
            "right": [True, False],
            "texts": texts,
        }

    monkeypatch.setattr(drafts, "run_way", run)
    lines = [drafts.measure(RIGHT, 50, number, 2) for number in (0, 1)]
    assert asked == ["transformers", "plain", "drafts", "drafts", "plain", "transformers"]
    assert [line["different"] for line in lines[0]] == [1, 0, 1]
    [_, _, row] = drafts_table(lines[0]).strip().splitlines()
    assert [cell.strip() for cell in row.strip("|").split("|")] == [
        "50 %", "2", "4.0 s", "2.0 s", "1.0 s", "0.50", "0.25", "2",
    ]  # fmt: skip


def test_all_ways_have_the_same_loss_and_answers(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(drafts, "TOKENS", 12)
    tokenizer = load_tokenizer(drafts.MODEL)
    decoder = AutoModelForCausalLM.from_pretrained(drafts.MODEL, dtype=torch.float32).eval()
    rows = drafts.load_rows(tokenizer, [3, 1, 8])
    plain = drafts.evaluate(decoder, tokenizer, rows, 2, drafted=False)
    for loss, texts in (
        drafts.evaluate(decoder, tokenizer, rows, 2, drafted=True),
        drafts.evaluate_by_transformers(decoder, tokenizer, rows, 2),
    ):
        assert loss == pytest.approx(plain[0], rel=1e-4)
        assert texts == plain[1]
    assert drafts.find_right(tokenizer, rows, plain[1]).shape == (3,)
