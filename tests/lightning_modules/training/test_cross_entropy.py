from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F

from lightning_modules.training import cross_entropy
from lightning_modules.training.cross_entropy import cross_entropy_sum


def make_logits(dtype: torch.dtype, rows: int = 37, width: int = 50) -> tuple[torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(0)
    logits = 4 * torch.randn(rows, width, generator=generator)
    targets = torch.randint(0, width, (rows,), generator=generator)
    return logits.to(dtype).requires_grad_(), targets


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16, torch.float16, torch.float64])
@pytest.mark.parametrize("chunk", [1, 50 * 8, 50 * 37, 10**6])
def test_is_pytorchs_loss_and_gradient(
    monkeypatch: pytest.MonkeyPatch, dtype: torch.dtype, chunk: int
) -> None:
    monkeypatch.setattr(cross_entropy, "CPU_CHUNK", chunk)
    logits, targets = make_logits(dtype)
    scale = 2.0**16  # as fp16's scaler does; unscaled probabilities below 6e-8 would be 0 in fp16
    scale = scale if dtype != torch.float16 else 2.0**10
    wide = torch.float64 if dtype == torch.float64 else torch.float32
    expected = F.cross_entropy(logits.to(wide), targets, reduction="sum")
    (reference,) = torch.autograd.grad(expected * scale, logits)

    loss = cross_entropy_sum(logits, targets)

    (gradient,) = torch.autograd.grad(loss * scale, logits)
    assert loss.dtype == wide
    assert gradient.dtype == dtype
    torch.testing.assert_close(loss, expected)
    relative = (gradient - reference).to(wide).norm() / reference.to(wide).norm()
    assert relative < {torch.float64: 1e-12, torch.float32: 1e-6}.get(dtype, 1e-4)


def test_small_probabilities_survive_fp16_when_the_loss_is_scaled() -> None:
    logits = torch.tensor([[20.0, 0.0]], dtype=torch.float16, requires_grad=True)
    (cross_entropy_sum(logits, torch.tensor([0])) * 2.0**16).backward()
    assert logits.grad is not None
    assert logits.grad[0, 1].item() == pytest.approx(2.0**16 * 2.061e-9, rel=1e-2)


def test_no_token_is_zero_with_a_gradient() -> None:
    logits = torch.zeros(0, 5, requires_grad=True)
    loss = cross_entropy_sum(logits, torch.zeros(0, dtype=torch.int64))
    loss.backward()
    assert loss == 0
    assert logits.grad is not None


def test_keeps_the_logits_and_no_other_tensor_of_their_size() -> None:
    logits, targets = make_logits(torch.bfloat16, 64, 1000)
    kept: list[torch.Tensor] = []
    with torch.autograd.graph.saved_tensors_hooks(lambda tensor: kept.append(tensor) or tensor, lambda t: t):
        cross_entropy_sum(logits * 1, targets)
    large = [tensor for tensor in kept if tensor.numel() == logits.numel()]
    assert [tensor.dtype for tensor in large] == [torch.bfloat16]
