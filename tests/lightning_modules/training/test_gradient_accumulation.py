"""An optimizer step learns from the token mean of its window, however batches and ranks share the rows."""

from __future__ import annotations

from functools import partial
from typing import Any

import pytest
import torch
from lightning.pytorch.callbacks import Callback

from lightning_modules.causal_lm import CausalLM
from lightning_modules.training.gradient_accumulation import GradientWindow, total_norm
from tests.helpers.tiny import make_batch, make_tiny
from tests.helpers.tiny_runs import (
    CLIP,
    LENGTHS,
    Recorder,
    RowsData,
    assert_same,
    make_module,
    make_trainer,
    record_run,
    uneven_rows,
)


@pytest.mark.parametrize("max_norm", [None, 0.1])
@pytest.mark.parametrize("parts", [1, 6])
def test_gradients_of_a_sum_become_those_of_the_mean(parts: int, max_norm: float | None) -> None:
    window, gradient = GradientWindow(), torch.tensor([3.0, 4.0]) / parts
    window.add(torch.tensor(10.0), torch.tensor(3))
    window.add(torch.tensor(20.0), torch.tensor(2))
    loss, left_out = window.close([gradient], lambda sums: sums, parts, max_norm, may_overflow=False)
    assert loss == 6.0
    assert not left_out
    expected = torch.tensor([0.6, 0.8]) * (1.0 if max_norm is None else max_norm)
    torch.testing.assert_close(gradient, expected, rtol=1e-4, atol=1e-6)
    assert window.sums.tolist() == [0.0, 0.0], "a new window"


@pytest.mark.parametrize("may_overflow", [False, True])
def test_a_gradient_that_is_not_finite_is_a_reason_unless_somebody_else_looks(may_overflow: bool) -> None:
    window = GradientWindow()
    window.add(torch.tensor(10.0), torch.tensor(3))
    gradient = torch.tensor([torch.inf])
    loss, left_out = window.close([gradient], lambda sums: sums, 1, None, may_overflow)
    assert loss.isfinite()
    assert bool(left_out) is not may_overflow


@pytest.fixture(scope="module")
def whole(base: str) -> dict[float | None, Recorder]:
    """One optimizer step on all eight rows at once, without and with clipping."""
    return {clip: record_run(base, 8, 1, clip) for clip in (None, CLIP)}


def test_lengths_are_uneven() -> None:
    assert max(LENGTHS) > 10 * min(LENGTHS), "or the tests of the token mean prove nothing"


def test_loss_and_gradients_of_a_step_are_those_of_the_token_mean(
    whole: dict[float | None, Recorder],
) -> None:
    decoder, batch = make_tiny(), make_batch(uneven_rows(), 0)
    loss = decoder(input_ids=batch["input_ids"], labels=batch["labels"]).loss
    loss.backward()
    expected = torch.cat([p.grad.flatten() for p in decoder.parameters()]).double()
    (gradients,) = whole[None].gradients
    assert whole[None].losses == pytest.approx([loss.item()], rel=1e-5)
    assert ((gradients - expected).norm() / expected.norm()).item() < 1e-4
    assert gradients.norm() > 2 * CLIP
    assert whole[CLIP].gradients[0].norm() == pytest.approx(CLIP, rel=1e-4)


@pytest.mark.pitfall(2)
@pytest.mark.parametrize("clip", [None, CLIP])
@pytest.mark.parametrize(("batch_size", "accumulate"), [(1, 8), (2, 4), (4, 2), (1, 100), (3, 100)])
def test_accumulated_steps_equal_one_step(
    base: str, whole: dict[float | None, Recorder], batch_size: int, accumulate: int, clip: float | None
) -> None:
    """Also with a window that the end of the epoch cuts short."""
    run = record_run(base, batch_size, accumulate, clip)
    assert len(run.gradients) == 1
    assert_same(run.gradients[0], whole[clip].gradients[0])
    assert run.losses == pytest.approx(whole[clip].losses, rel=1e-6)


@pytest.mark.pitfall(2)
def test_every_window_counts_its_own_tokens(base: str) -> None:
    """Five rows, then a last window of three: as one step on five rows and one on three."""
    accumulated = record_run(base, 1, 5, clip=None)
    at_once = record_run(base, 5, 1, clip=None)
    assert len(accumulated.gradients) == len(at_once.gradients) == 2
    assert accumulated.losses == pytest.approx(at_once.losses, rel=1e-6)
    for one, other in zip(accumulated.gradients, at_once.gradients, strict=True):
        assert_same(one, other)


@pytest.mark.pitfall(2)
@pytest.mark.parametrize("clip", [None, CLIP])
@pytest.mark.parametrize("batch_size", [4, 2], ids=["2 ranks x 4 rows", "2 ranks x 2 accumulated x 2 rows"])
def test_two_ranks_equal_one(
    ranks: dict[str, Any], whole: dict[float | None, Recorder], batch_size: int, clip: float | None
) -> None:
    gradients, loss = ranks["steps"][batch_size, clip]
    assert_same(gradients, whole[clip].gradients[0])
    assert loss == pytest.approx(whole[clip].losses[0], rel=1e-6)


def test_window_without_supervised_tokens_changes_nothing(base: str) -> None:
    module = make_module(base)
    data = RowsData([(prompt + completion, []) for prompt, completion in uneven_rows()], batch_size=4)
    make_trainer(gradient_clip_val=1.0).fit(module, data)
    assert torch.equal(
        module.decoder.get_input_embeddings().weight, make_tiny().get_input_embeddings().weight
    )


@pytest.mark.pitfall(22)
@pytest.mark.parametrize(
    "trainer",
    [{}, {"gradient_clip_val": CLIP}, {"gradient_clip_val": CLIP, "gradient_clip_algorithm": "value"}],
    ids=["not clipped", "clipped by norm", "clipped by value"],
)
@pytest.mark.parametrize("where", ["loss", "gradient"])
@pytest.mark.parametrize("fused", [True, False])
def test_a_window_that_is_not_finite_is_left_out(
    base: str, trainer: dict[str, Any], where: str, fused: bool
) -> None:
    class Spoiled(CausalLM):
        def training_step(self, batch: dict[str, torch.Tensor], batch_idx: int) -> torch.Tensor:
            loss = super().training_step(batch, batch_idx)
            if 1 not in batch["row_index"].tolist():
                return loss
            if where == "gradient":
                loss.register_hook(lambda gradient: gradient * torch.nan)
                return loss
            self._window.sums[0] = torch.inf
            return loss * torch.inf

    class Skipping(RowsData):
        """Without the four rows of the first window."""

        def _batches(self, indices: list[int]) -> list[dict[str, torch.Tensor]]:
            return super()._batches([index for index in indices if index >= 4])

    weights = []
    optimizer = partial(torch.optim.AdamW, lr=1e-2, fused=fused)
    schedule = partial(torch.optim.lr_scheduler.ConstantLR, factor=1.0)
    for module_class, data_class in ((Spoiled, RowsData), (CausalLM, Skipping)):
        module = module_class(base, optimizer=optimizer, scheduler=schedule)
        make_trainer(accumulate_grad_batches=2, max_epochs=2, **trainer).fit(
            module, data_class(uneven_rows(), 2)
        )
        weights.append(torch.nn.utils.parameters_to_vector(module.parameters()))
    assert weights[0].isfinite().all()
    assert torch.equal(*weights)


def test_gradients_are_freed_before_the_next_forward_pass(base: str) -> None:
    """But not within an accumulation window."""
    kept: list[list[bool]] = []

    class Look(Callback):
        def on_train_batch_start(self, trainer: Any, pl_module: Any, *_: Any) -> None:
            kept.append([p.grad is not None for p in pl_module.parameters()])

    data = RowsData(uneven_rows(), batch_size=2)
    make_trainer(accumulate_grad_batches=2, callbacks=[Look()]).fit(make_module(base), data)
    assert [any(batch) for batch in kept] == [False, True, False, True]


def test_norm_of_fp16_gradients_beyond_its_range_is_finite() -> None:
    gradients = [torch.full((100,), 60_000.0, dtype=torch.float16), torch.zeros(3, dtype=torch.float16)]
    assert total_norm(gradients).item() == pytest.approx(600_000.0)


def test_norm_of_float32_gradients_is_that_of_pytorch() -> None:
    gradients = [torch.randn(7, 3), torch.randn(5)]
    assert torch.equal(total_norm(gradients), torch.nn.utils.get_total_norm(gradients))
