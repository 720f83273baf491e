"""Packed rows are as if alone, for each architecture."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from datamodules.tokens.batching import BatchDataset
from datamodules.tokens.examples import Encoded
from datamodules.tokens.packing import block_mask
from lightning_modules.decoder.packing_support import PACKABLE
from lightning_modules.training.loss import supervised_loss
from lightning_modules.training.training_loss import training_loss
from tests.helpers.tiny import ARCHITECTURES, make_tiny

LENGTHS = [9, 5, 12, 7, 3]


def make_encoded() -> Encoded:
    rng = np.random.default_rng(0)
    offsets = np.concatenate([[0], np.cumsum(LENGTHS)])
    return Encoded(rng.integers(5, 200, offsets[-1]).astype(np.int32), offsets, np.array(LENGTHS) // 3)


def loss_and_gradient(
    architecture: str, pack_to: int | None, plan: list[list[int]], loss_on: str
) -> tuple[float, torch.Tensor]:
    decoder = make_tiny(architecture)
    dataset = BatchDataset(
        make_encoded(), [np.array(rows) for rows in plan], pad_id=0, loss_on=loss_on,  # type: ignore[arg-type]
        pack_to=pack_to,
    )  # fmt: skip
    total, tokens = torch.zeros(()), 0
    for number in range(len(dataset)):
        batch = dataset[number]
        loss, count = supervised_loss(
            decoder,
            batch["input_ids"],
            batch["labels"],
            batch.get("attention_mask"),
            batch.get("position_ids"),
        )
        total, tokens = total + loss, tokens + int(count)
    mean = total / tokens
    mean.backward()
    return mean.item(), torch.cat([p.grad.flatten() for p in decoder.parameters() if p.grad is not None])


@pytest.mark.pitfall(1)
@pytest.mark.parametrize("loss_on", ["completion", "all"])
@pytest.mark.parametrize(
    "architecture", [name for name in ARCHITECTURES if make_tiny(name).config.model_type in PACKABLE]
)
def test_packed_rows_have_the_loss_and_gradient_of_rows_alone(architecture: str, loss_on: str) -> None:
    alone, alone_gradient = loss_and_gradient(architecture, None, [[row] for row in range(5)], loss_on)
    packed, packed_gradient = loss_and_gradient(architecture, 24, [list(range(5))], loss_on)
    assert packed == pytest.approx(alone, abs=1e-5)
    torch.testing.assert_close(packed_gradient, alone_gradient, rtol=1e-4, atol=1e-5)


@pytest.mark.pitfall(1)
def test_without_the_block_mask_rows_leak_into_each_other() -> None:
    # The trap itself: OPT with position ids alone. If this ever fails, the mask may no longer be needed.
    decoder = make_tiny("opt").eval()
    ids = torch.tensor([[11, 12, 13, 21, 22, 23]])
    positions = torch.tensor([[0, 1, 2, 0, 1, 2]])
    alone = decoder(ids[:, 3:]).logits
    leaked = decoder(ids, position_ids=positions, use_cache=False).logits[:, 3:]
    masked = decoder(
        ids,
        position_ids=positions,
        attention_mask=block_mask(torch.tensor([[1, 1, 1, 2, 2, 2]])),
        use_cache=False,
    ).logits[:, 3:]
    assert (leaked - alone).abs().max() > 1e-3
    torch.testing.assert_close(masked, alone, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize(
    ("architecture", "message"),
    [
        ("bloom", r"--data.packing is right for gpt2.*is a bloom"),
        ("gemma3_text", r"--data.packing is right for gpt2.*is a gemma3_text"),
    ],
)
def test_packing_refuses_an_architecture_that_is_not_proved(architecture: str, message: str) -> None:
    decoder = make_tiny(architecture)
    batch = dict(BatchDataset(make_encoded(), [np.arange(5)], pad_id=0, pack_to=40)[0])
    with pytest.raises(ValueError, match=message):
        training_loss(decoder, batch, architecture, share_prefix=True, choose_attention=True)
