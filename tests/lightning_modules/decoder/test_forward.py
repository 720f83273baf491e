from __future__ import annotations

import pytest
import torch

from lightning_modules.decoder.forward import logits_at
from tests.helpers.tiny import ARCHITECTURES, VOCABULARY, make_tiny

IDS = torch.randint(5, VOCABULARY, (3, 10), generator=torch.Generator().manual_seed(0))
POSITIONS = torch.tensor([29, 0, 7, 7])


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_the_logits_are_those_of_the_whole_output_in_the_order_asked_for(architecture: str) -> None:
    decoder = make_tiny(architecture)
    expected = decoder(input_ids=IDS).logits.flatten(0, 1)[POSITIONS]
    torch.testing.assert_close(logits_at(decoder, POSITIONS, IDS), expected, rtol=1e-5, atol=1e-5)


def test_no_position_gives_no_logits() -> None:
    assert logits_at(make_tiny(), torch.tensor([], dtype=torch.int64), IDS).shape[0] == 0


def test_an_error_leaves_the_output_embedding_as_it_was() -> None:
    decoder = make_tiny()
    with pytest.raises(IndexError):
        logits_at(decoder, torch.tensor([IDS.numel()]), IDS)
    assert decoder(input_ids=IDS).logits.shape[:2] == IDS.shape
