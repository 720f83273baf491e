from __future__ import annotations

import pytest
import torch

from lightning_modules.generation.sampling import TokenChooser, row_uniform

BANNED = torch.tensor([0, 5, 6, 7])  # the last rows of the vocabulary have no token
LOGITS = torch.tensor(
    [[9.0, 3.0, -2.0, 3.5, 1.0, 9.0, 9.0, 9.0], [0.0, -40.0, -41.0, -43.0, -44.0, 0.0, 0.0, 0.0]]
)
NOTHING = torch.full((4000,), -1)  # no token before


def draw(temperature: float, uniform: float, top_p: float = 1.0) -> list[int]:
    choose = TokenChooser(BANNED, torch.full((2, 1), uniform), temperature, top_p)
    tokens, scores = choose(LOGITS.clone(), torch.arange(2), torch.zeros(2, dtype=torch.int64), NOTHING[:2])
    assert scores.isfinite().all()
    assert (scores <= 0).all()
    return tokens.tolist()


@pytest.mark.parametrize("top_p", [1.0, 0.5])
@pytest.mark.parametrize("temperature", [5e-324, 1e-200, 1e-46, 1e-40, 1e-38, 1e-20])
def test_the_lowest_temperatures_choose_the_most_probable_token(temperature: float, top_p: float) -> None:
    for uniform in (0.0, 0.5, 1 - 2**-24):
        assert draw(temperature, uniform, top_p) == [3, 1]


@pytest.mark.parametrize("temperature", [1e38, 1e300, float("inf")])
def test_the_highest_temperatures_choose_any_token_but_the_banned(temperature: float) -> None:
    assert [draw(temperature, share / 8)[0] for share in (1, 3, 5, 7)] == [1, 2, 3, 4]


def test_no_random_number_leads_past_the_tokens() -> None:
    """A number of exactly 1, which rounding could make, would be past the last token."""
    assert draw(1.0, 1.0) == [4, 4]
    assert draw(1.0, 0.0) == [1, 1]


def test_draws_have_the_softmax_as_their_distribution() -> None:
    draws = len(NOTHING)
    choose = TokenChooser(BANNED, row_uniform(3, range(draws), 1), 2.0)
    tokens, _ = choose(
        LOGITS[:1].repeat(draws, 1), torch.arange(draws), torch.zeros(draws, dtype=torch.int64), NOTHING
    )
    expected = (LOGITS[0, 1:5] / 2).softmax(0)
    counts = torch.bincount(tokens, minlength=8)
    assert (counts[BANNED] == 0).all()
    torch.testing.assert_close(counts[1:5] / draws, expected, rtol=0, atol=0.03)


def test_random_numbers_do_not_depend_on_the_default_type() -> None:
    expected = row_uniform(seed=0, rows=[3, 8], steps=5)
    torch.set_default_dtype(torch.bfloat16)
    try:
        assert torch.equal(row_uniform(seed=0, rows=[3, 8], steps=5), expected)
    finally:
        torch.set_default_dtype(torch.float32)
