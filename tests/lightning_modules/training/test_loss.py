from __future__ import annotations

from typing import Any

import pytest
import torch
from torch.utils._python_dispatch import TorchDispatchMode

from lightning_modules.decoder.forward import logits_at
from lightning_modules.training.loss import loss_in_chunks, supervised_loss
from tests.helpers.tiny import ARCHITECTURES, VOCABULARY, make_tiny


def random_batch(seed: int = 0, rows: int = 5, width: int = 24) -> tuple[torch.Tensor, torch.Tensor]:
    """Ids and labels with completions of very different length, padding on the right, and an unsupervised row."""
    generator = torch.Generator().manual_seed(seed)
    ids = torch.randint(5, VOCABULARY, (rows, width), generator=generator)
    labels = ids.clone()
    for row, (start, stop) in enumerate([(3, 4), (2, 24), (10, 15), (0, 9), (7, 7)]):
        labels[row, :start] = -100
        labels[row, stop:] = -100
        ids[row, stop:] = 0
    return ids, labels


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_equals_the_models_own_loss(architecture: str) -> None:
    decoder = make_tiny(architecture)
    ids, labels = random_batch()

    loss_sum, count = supervised_loss(decoder, ids, labels)

    reference = decoder(input_ids=ids, labels=labels).loss
    assert count == (labels[:, 1:] != -100).sum()
    torch.testing.assert_close(loss_sum / count, reference, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_gradients_equal_those_of_the_models_own_loss(architecture: str) -> None:
    decoder = make_tiny(architecture).double()
    ids, labels = random_batch()
    loss_sum, count = supervised_loss(decoder, ids, labels)
    ours = torch.autograd.grad(loss_sum / count, list(decoder.parameters()))
    theirs = torch.autograd.grad(decoder(input_ids=ids, labels=labels).loss, list(decoder.parameters()))
    for one, other in zip(ours, theirs, strict=True):
        torch.testing.assert_close(one, other, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_output_embedding_sees_supervised_positions_only(architecture: str) -> None:
    decoder = make_tiny(architecture)
    ids, labels = random_batch()
    seen: list[int] = []
    head = decoder.get_output_embeddings()
    head.register_forward_hook(lambda module, args, output: seen.append(output[..., 0].numel()))

    _, count = supervised_loss(decoder, ids, labels)

    assert seen == [count]
    assert decoder(ids).logits.shape[:2] == ids.shape, "the hook must be gone after the call"


def test_scaling_after_the_head_is_kept() -> None:
    decoder = make_tiny("llama")
    plain = decoder.forward

    def scaled(*args: object, **kwargs: object) -> object:
        output = plain(*args, **kwargs)
        output.logits = 0.5 * output.logits
        return output

    decoder.forward = scaled
    ids, labels = random_batch()
    keep = labels != -100
    positions = keep.flatten().nonzero()[:, 0]
    torch.testing.assert_close(logits_at(decoder, positions, ids), decoder(input_ids=ids).logits[keep])


def test_a_gpu_is_asked_once_how_many_tokens_are_supervised() -> None:
    """It is waited for wherever the size of a result depends on values, as with an index of booleans."""
    asked: list[str] = []

    class Watch(TorchDispatchMode):
        def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
            indices = (
                args[1] if func.__name__.startswith("index") and isinstance(args[1], list | tuple) else ()
            )
            if "nonzero" in func.__name__ or any(index.dtype == torch.bool for index in indices):
                asked.append(func.__name__)
            return func(*args, **(kwargs or {}))

    decoder, (ids, labels) = make_tiny("llama"), random_batch()
    with Watch():
        supervised_loss(decoder, ids, labels)[0].backward()
    assert asked == ["nonzero.default"]


def test_decoder_without_an_output_module_goes_through_all_logits(monkeypatch: pytest.MonkeyPatch) -> None:
    decoder = make_tiny("llama")
    ids, labels = random_batch()
    expected = supervised_loss(decoder, ids, labels)[0]
    monkeypatch.setattr(decoder, "get_output_embeddings", lambda: None)
    torch.testing.assert_close(supervised_loss(decoder, ids, labels)[0], expected)


@pytest.mark.pitfall(7)
@pytest.mark.parametrize("architecture", ["llama", "opt-350m-like", "gpt_neo"])
def test_no_supervised_token_is_zero_with_zero_gradients(architecture: str) -> None:
    decoder = make_tiny(architecture).train()
    ids, _ = random_batch()
    loss_sum, count = supervised_loss(decoder, ids, torch.full_like(ids, -100))
    loss_sum.backward()
    assert loss_sum == 0
    assert count == 0
    gradients = [p.grad for p in decoder.parameters()]
    assert all(g is not None and not g.any() for g in gradients), (
        "DDP waits for a gradient of every parameter"
    )


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_rows_beside_and_padding_do_not_matter(architecture: str) -> None:
    decoder = make_tiny(architecture)
    ids, labels = random_batch()
    together = supervised_loss(decoder, ids, labels)[0]
    stops = [4, 24, 15, 9]
    alone = [
        supervised_loss(decoder, ids[i : i + 1, :n], labels[i : i + 1, :n])[0] for i, n in enumerate(stops)
    ]
    torch.testing.assert_close(together, torch.stack(alone).sum(), rtol=1e-5, atol=1e-4)


@pytest.mark.parametrize("rows", [1, 2, 3, 9])
def test_loss_in_chunks_is_the_loss_with_less_padding(rows: int) -> None:
    decoder = make_tiny("gpt2")
    ids, labels = random_batch()
    shapes: list[tuple[int, int]] = []
    handle = decoder.register_forward_pre_hook(
        lambda module, args, kwargs: shapes.append(tuple(kwargs["input_ids"].shape)), with_kwargs=True
    )
    losses = loss_in_chunks(decoder, ids, labels, rows)
    handle.remove()
    expected_sum, expected_count = supervised_loss(decoder, ids, labels)
    torch.testing.assert_close(losses.loss, expected_sum)
    assert losses.tokens == expected_count
    alone = [supervised_loss(decoder, ids[row : row + 1], labels[row : row + 1]) for row in range(len(ids))]
    torch.testing.assert_close(losses.row_losses, torch.stack([loss for loss, _ in alone]).detach())
    assert losses.row_counts.tolist() == [int(count) for _, count in alone]
    ends = [24, 15, 9, 4, 1]  # one past the last supervised token, longest first; the last row has none
    chunks = [ends[first : first + rows] for first in range(0, 5, rows)]
    assert shapes == [(len(chunk), chunk[0]) for chunk in chunks]
