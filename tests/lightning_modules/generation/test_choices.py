"""Scores of choices are the log-probabilities of their texts, whatever runs together."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from datamodules.tokens.packing import pad
from lightning_modules.generation.choices import Choices, normalize_scores, score_choices
from tests.helpers.tiny import ARCHITECTURES, make_tiny, make_tokenizer

PROMPTS = ["is CCO toxic?", "CC:", "is c1ccccc1 toxic, or not, or what?", "CN:"]
OPTIONS = [["yes", "no"], ["no", "maybe so", "yes"], ["crosses", "stays out"], ["no", "yes"]]


def make_choices(tokenizer, options) -> tuple[Choices, list[list[int]]]:  # type: ignore[no-untyped-def]
    ids = [
        [*tokenizer(text, add_special_tokens=False)["input_ids"], tokenizer.eos_token_id]
        for texts in options
        for text in texts
    ]
    rows = [row for row, texts in enumerate(options) for _ in texts]
    padded = pad([torch.tensor(one).numpy() for one in ids], 0)
    return Choices(padded, torch.tensor([len(one) for one in ids]), torch.tensor(rows)), ids


def make_prompts(tokenizer, prompts) -> tuple[Tensor, Tensor]:  # type: ignore[no-untyped-def]
    ids = [torch.tensor(tokenizer(text)["input_ids"]) for text in prompts]
    padded = pad([one.numpy() for one in ids], 0, left=True)
    return padded, pad([torch.ones_like(one).numpy() for one in ids], 0, left=True)


def score_alone(decoder, prompt: list[int], option: list[int]) -> float:  # type: ignore[no-untyped-def]
    """The log-probability of an option behind a prompt, by the decoder's own logits of one unpadded sequence."""
    with torch.inference_mode():
        logits = decoder(input_ids=torch.tensor([prompt + option])).logits[0].log_softmax(dim=-1)
    return sum(float(logits[len(prompt) - 1 + place, token]) for place, token in enumerate(option))


@pytest.mark.parametrize("architecture", ARCHITECTURES)
@pytest.mark.parametrize("slots", [1, 4, 64])
def test_scores_are_those_of_each_sequence_alone(architecture: str, slots: int) -> None:
    tokenizer, decoder = make_tokenizer(False), make_tiny(architecture).eval()
    choices, ids = make_choices(tokenizer, OPTIONS)
    scores = score_choices(decoder, *make_prompts(tokenizer, PROMPTS), choices, slots)
    expected = [
        score_alone(decoder, tokenizer(PROMPTS[row])["input_ids"], option)
        for row, option in zip(choices.rows.tolist(), ids, strict=True)
    ]
    assert scores.tolist() == pytest.approx(expected, abs=2e-4)


def test_rows_without_choices_are_left_out_and_one_token_prompts_work() -> None:
    tokenizer, decoder = make_tokenizer(False), make_tiny().eval()
    choices, _ = make_choices(tokenizer, [[], ["yes", "no"], []])
    ids, mask = torch.tensor([[5, 6], [0, 7], [8, 9]]), torch.tensor([[1, 1], [0, 1], [1, 1]])
    scores = score_choices(decoder, ids, mask, choices, 8)
    first = [*tokenizer("yes", add_special_tokens=False)["input_ids"], tokenizer.eos_token_id]
    assert float(scores[0]) == pytest.approx(score_alone(decoder, [7], first), abs=1e-4)
    table = normalize_scores(scores, choices, 3)
    assert table.shape == (3, 2)
    assert (table[[0, 2]] == -torch.inf).all()
    assert table[1].exp().sum().item() == pytest.approx(1)


def test_the_decoders_mode_is_restored() -> None:
    tokenizer, decoder = make_tokenizer(False), make_tiny().train()
    choices, _ = make_choices(tokenizer, OPTIONS)
    score_choices(decoder, *make_prompts(tokenizer, PROMPTS), choices, 8)
    assert decoder.training


def test_normalization_by_sum_mean_and_pmi() -> None:
    choices = Choices(torch.zeros(3, 4), torch.tensor([1, 4, 2]), torch.tensor([0, 0, 1]))
    scores = torch.log(torch.tensor([0.2, 0.0016, 0.3]))
    by_sum = normalize_scores(scores, choices, 2).exp()
    assert by_sum[0].tolist() == pytest.approx([0.2 / 0.2016, 0.0016 / 0.2016], rel=1e-5)
    assert by_sum[1].tolist() == [1.0, 0.0]
    by_mean = normalize_scores(scores, choices, 2, "mean").exp()
    assert by_mean[0].tolist() == pytest.approx([0.5, 0.5], rel=1e-5)  # 0.2 a token, both
    nulls = torch.log(torch.tensor([0.4, 0.0008, 0.3]))
    by_pmi = normalize_scores(scores, choices, 2, "pmi", nulls).exp()
    assert by_pmi[0].tolist() == pytest.approx([0.2, 0.8], rel=1e-5)  # 0.5 and 2
