from __future__ import annotations

import pytest
import torch

from lightning_modules.decoder.packing_support import ATTENTIONS, PACKABLE, check_packing


def test_an_attention_whose_mask_is_not_proved_is_refused() -> None:
    batch = {"attention_mask": torch.zeros(1)}
    check_packing(batch, "llama", "x", "eager")
    check_packing({}, "llama", "x", "flash_attention_2")
    with pytest.raises(ValueError, match=r"--model.attention eager or sdpa, but it is 'flash_attention_2'"):
        check_packing(batch, "llama", "x", "flash_attention_2")


@pytest.mark.parametrize("model_type", PACKABLE)
def test_what_is_proved_may_be_packed(model_type: str) -> None:
    for attention in ATTENTIONS:
        check_packing({"attention_mask": torch.zeros(1)}, model_type, "x", attention)


def test_only_packed_rows_are_refused() -> None:
    check_packing({}, "bloom", "x", "eager")
    with pytest.raises(ValueError, match="but the base 'x' is a bloom"):
        check_packing({"attention_mask": torch.zeros(1)}, "bloom", "x", "eager")
