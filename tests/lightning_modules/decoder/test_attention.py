from __future__ import annotations

import pytest
import torch

from lightning_modules.decoder.attention import SHORT, fastest_attention
from lightning_modules.training.loss import supervised_loss
from tests.helpers.tiny import make_tiny

CPU = torch.device("cpu")


@pytest.mark.parametrize(
    ("own", "dtype", "tokens", "device", "chosen"),
    [
        ("sdpa", torch.bfloat16, SHORT, "cpu", "eager"),
        ("sdpa", torch.bfloat16, SHORT + 1, "cpu", "sdpa"),
        ("sdpa", None, SHORT, "cpu", "sdpa"),
        ("sdpa", torch.bfloat16, SHORT, "cuda", "sdpa"),
        ("flash_attention_2", torch.bfloat16, SHORT, "cpu", "flash_attention_2"),
    ],
)
def test_eager_only_for_short_rows_in_bf16_on_a_cpu(
    own: str, dtype: torch.dtype | None, tokens: int, device: str, chosen: str
) -> None:
    decoder = make_tiny()
    decoder.config._attn_implementation = own
    with (
        torch.autocast("cpu", dtype, enabled=dtype is not None),
        fastest_attention(decoder, tokens, torch.device(device)),
    ):
        assert decoder.config._attn_implementation == chosen
    assert decoder.config._attn_implementation == own


@pytest.mark.parametrize("architecture", ["llama", "opt", "gpt2", "gpt_neox", "gemma3_text"])
def test_it_is_the_attention_that_runs(architecture: str, monkeypatch: pytest.MonkeyPatch) -> None:
    decoder = make_tiny(architecture)
    calls = []
    plain = torch.nn.functional.scaled_dot_product_attention
    monkeypatch.setattr(
        torch.nn.functional, "scaled_dot_product_attention", lambda *a, **k: calls.append(1) or plain(*a, **k)
    )
    ids = torch.randint(5, 200, (2, 8))
    for dtype in (torch.float32, torch.bfloat16):
        with (
            torch.autocast("cpu", torch.bfloat16, enabled=dtype == torch.bfloat16),
            fastest_attention(decoder, 8, CPU),
        ):
            supervised_loss(decoder, ids, ids)
        assert bool(calls) == (dtype == torch.float32)
        calls.clear()


def test_an_error_gives_the_attention_back() -> None:
    decoder = make_tiny()
    with torch.autocast("cpu", torch.bfloat16), pytest.raises(KeyError), fastest_attention(decoder, 8, CPU):
        raise KeyError
    assert decoder.config._attn_implementation == "sdpa"
