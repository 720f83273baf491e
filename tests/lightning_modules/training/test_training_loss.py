from __future__ import annotations

import pytest
import torch

from lightning_modules.decoder.shared_prefix import SHARED_TOKENS
from lightning_modules.training.loss import supervised_loss
from lightning_modules.training.training_loss import training_loss
from tests.helpers.shared_prefix import PREFIX, make_batch
from tests.helpers.tiny import make_tiny


def tokens_run(
    decoder: torch.nn.Module, batch: dict[str, torch.Tensor | int], share: bool
) -> list[tuple[int, ...]]:
    shapes: list[tuple[int, ...]] = []
    handle = decoder.get_input_embeddings().register_forward_hook(  # type: ignore[operator]
        lambda module, args, output: shapes.append(tuple(args[0].shape))
    )
    training_loss(decoder, batch, "tiny", share_prefix=share, choose_attention=True)  # type: ignore[arg-type]
    handle.remove()
    return shapes


def test_the_shared_tokens_are_run_once() -> None:
    decoder, batch = make_tiny(), make_batch()
    assert tokens_run(decoder, batch, True) == [(1, PREFIX), (5, 40 - PREFIX)]
    assert tokens_run(decoder, batch, False) == [(5, 40)]
    assert tokens_run(decoder, {**batch, "prefix_length": SHARED_TOKENS - 1}, True) == [(5, 40)]
    alone = {name: value[:1] if isinstance(value, torch.Tensor) else value for name, value in batch.items()}
    assert tokens_run(decoder, alone, True) == [(1, 40)]


@pytest.mark.parametrize("share", [True, False])
@pytest.mark.parametrize("choose", [True, False])
def test_the_loss_is_the_plain_one_whichever_way_is_taken(share: bool, choose: bool) -> None:
    decoder, batch = make_tiny(), make_batch()
    expected, count = supervised_loss(decoder, batch["input_ids"], batch["labels"])  # type: ignore[arg-type]
    loss, number = training_loss(decoder, batch, "tiny", share_prefix=share, choose_attention=choose)
    torch.testing.assert_close(loss, expected, rtol=1e-4, atol=1e-4)
    assert number == count


def test_rows_that_may_not_be_packed_are_refused() -> None:
    batch = {"input_ids": torch.ones(1, 4, dtype=torch.int64), "attention_mask": torch.zeros(1, 1, 4, 4)}
    with pytest.raises(ValueError, match="but the base 'mine' is a bloom"):
        training_loss(make_tiny("bloom"), batch, "mine", share_prefix=False, choose_attention=False)
