"""What goes through transformers gives what the slots give."""

from __future__ import annotations

from typing import Any

import pytest
import torch

from lightning_modules.decoder.decoders import never_generated
from lightning_modules.generation.continuous_batching import decode
from lightning_modules.generation.hf_generate import generate_through_transformers
from lightning_modules.generation.sampling import TokenChooser, row_uniform
from tests.helpers.tiny import make_tiny, make_tokenizer

PROMPTS = [[1, 40, 41], [1, 50, 51, 52, 53, 54], [1, 60], [1, 70, 71, 72]]
ROOM = torch.tensor([6, 3, 6, 1])


def prompts(left: bool) -> tuple[torch.Tensor, torch.Tensor]:
    """The prompts and their mask, padded on the left or on the right."""
    width = max(map(len, PROMPTS))
    pads = [[0] * (width - len(prompt)) for prompt in PROMPTS]
    ids = [pad + prompt if left else prompt + pad for pad, prompt in zip(pads, PROMPTS, strict=True)]
    mask = [[0] * len(pad) + [1] * len(prompt) for pad, prompt in zip(pads, PROMPTS, strict=True)]
    return torch.tensor(ids), torch.tensor(mask)


def through_transformers(
    decoder: Any, slots: int, num_beams: int | None = None, sample: bool = False
) -> tuple[torch.Tensor, torch.Tensor]:
    ids, mask = prompts(left=True)
    banned = torch.tensor(never_generated(decoder, make_tokenizer()))
    choose = chooser(banned, sample)
    return generate_through_transformers(
        decoder, make_tokenizer(), ids, mask, ROOM, choose, banned, slots, num_beams
    )


def chooser(banned: torch.Tensor, sample: bool) -> TokenChooser:
    uniform = row_uniform(0, range(len(PROMPTS)), int(ROOM.max())) if sample else None
    return TokenChooser(banned, uniform, 1.0, 1.0)


@pytest.mark.parametrize("sample", [False, True])
@pytest.mark.parametrize("slots", [1, 2, 4])
@pytest.mark.parametrize("architecture", ["llama", "gpt2", "bloom"])
@torch.inference_mode()
def test_tokens_and_probabilities_are_those_of_the_slots(architecture: str, slots: int, sample: bool) -> None:
    decoder = make_tiny(architecture)
    ids, mask = prompts(left=False)
    banned = torch.tensor(never_generated(decoder, make_tokenizer()))
    stop = make_tokenizer().eos_token_id
    expected = decode(decoder, ids, mask.sum(dim=1), ROOM, chooser(banned, sample), stop, 2)
    found = through_transformers(decoder, slots, sample=sample)
    assert torch.equal(found[0], expected[0])
    torch.testing.assert_close(found[1], expected[1], rtol=0, atol=1e-4)


@torch.inference_mode()
def test_each_row_has_its_own_room_and_beams_score_as_greedy_does() -> None:
    decoder = make_tiny()
    greedy, beams = through_transformers(decoder, 4), through_transformers(decoder, 2, num_beams=3)
    for ids, log_prob in (greedy, beams):
        assert ((ids >= 0).sum(dim=1) <= ROOM).all()
        assert (log_prob[ids < 0] == 0).all()
        assert (log_prob[ids >= 0] < 0).all()
    same = (greedy[0] == beams[0]).all(dim=1)
    assert same.any(), "or nothing is compared"
    torch.testing.assert_close(greedy[1][same], beams[1][same], rtol=0, atol=1e-4)
