from __future__ import annotations

import pytest
import torch

from lightning_modules.decoder.kept_buffers import kept_buffers
from tests.helpers.tiny import make_tiny


@pytest.mark.parametrize("architecture", ["llama", "gpt_neox", "gemma3_text", "gpt2"])
@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float64])
def test_kept_buffers_are_those_of_a_newly_loaded_decoder(architecture: str, dtype: torch.dtype) -> None:
    decoder, expected = make_tiny(architecture), dict(make_tiny(architecture).named_buffers())
    with kept_buffers(decoder):
        decoder.to(dtype)
    assert {weight.dtype for weight in decoder.parameters()} == {dtype}
    for name, buffer in decoder.named_buffers():
        assert buffer.dtype == expected[name].dtype, name
        assert torch.equal(buffer, expected[name]), name
    assert decoder.state_dict().keys() == make_tiny(architecture).state_dict().keys()
