"""Training in bf16 and fp16, with fused and other optimizers."""

from __future__ import annotations

from functools import partial
from pathlib import Path

import pytest
import torch
from lightning.pytorch.plugins.precision import MixedPrecision

from lightning_modules.causal_lm import CausalLM
from tests.helpers.tiny import make_tiny, make_tokenizer
from tests.helpers.tiny_runs import (
    Recorder,
    RowsData,
    make_module,
    make_trainer,
    uneven_rows,
)


@pytest.mark.pitfall(8)
def test_mixed_precision_keeps_float32_weights_that_small_steps_move(tmp_path: Path) -> None:
    make_tiny().to(torch.bfloat16).save_pretrained(tmp_path)
    make_tokenizer().save_pretrained(tmp_path)
    module = make_module(str(tmp_path), optimizer=partial(torch.optim.AdamW, lr=1e-5, weight_decay=0.0))
    make_trainer(precision="bf16-mixed", max_epochs=3).fit(module, RowsData(uneven_rows(), batch_size=8))
    before = make_tiny().to(torch.bfloat16).float()
    for (name, old), new in zip(before.named_parameters(), module.decoder.parameters(), strict=True):
        assert new.dtype == torch.float32
        if "layers" in name:
            assert (new != old).float().mean() > 0.9, f"{name}: a bf16 weight of 0.5 cannot move by 1e-5"


def size_of(gradient: torch.Tensor, algorithm: str) -> float:
    return float(gradient.norm() if algorithm == "norm" else gradient.abs().max())


@pytest.mark.parametrize("algorithm", ["norm", "value"])
def test_a_fused_optimizer_is_clipped_in_mixed_precision(base: str, algorithm: str) -> None:
    module = CausalLM(base, optimizer=lambda params: torch.optim.AdamW(params, lr=1e-3, fused=True))
    run = Recorder()
    options = {"gradient_clip_val": 1e-3, "gradient_clip_algorithm": algorithm}
    trainer = make_trainer(precision="bf16-mixed", callbacks=[run], **options)
    trainer.fit(module, RowsData(uneven_rows(), batch_size=2))
    assert run.gradients
    assert max(size_of(gradient, algorithm) for gradient in run.gradients) <= 1e-3 * (1 + 1e-4)


@pytest.mark.parametrize("algorithm", ["norm", "value"])
@pytest.mark.parametrize("clip", [None, 1e-3])
def test_fp16_with_a_fused_optimizer_takes_the_steps_of_an_unfused_one(
    base: str, algorithm: str, clip: float | None
) -> None:
    """Lightning leaves it to a fused optimizer to unscale gradients, and then refuses to clip them."""

    runs: list[tuple[torch.Tensor, list[torch.Tensor]]] = []
    for fused in (False, True):
        run = Recorder()
        module = CausalLM(base, optimizer=partial(torch.optim.AdamW, lr=1e-3, fused=fused))
        scaler = torch.amp.GradScaler("cpu", init_scale=256.0)
        trainer = make_trainer(
            plugins=[MixedPrecision("16-mixed", "cpu", scaler)],
            gradient_clip_val=clip,
            gradient_clip_algorithm=algorithm,
            callbacks=[run],
        )
        trainer.fit(module, RowsData(uneven_rows(), batch_size=4))
        runs.append((torch.nn.utils.parameters_to_vector(module.parameters()).detach(), run.gradients))
    (plain, gradients), (fused_weights, fused_gradients) = runs
    torch.testing.assert_close(fused_weights, plain, rtol=1e-4, atol=1e-5)
    for one, other in zip(fused_gradients, gradients, strict=True):
        torch.testing.assert_close(one, other, rtol=1e-3, atol=1e-6)
    if clip is not None:
        assert fused_gradients
        assert max(size_of(gradient, algorithm) for gradient in fused_gradients) <= clip * (1 + 1e-4)


def test_fp16_leaves_out_a_step_that_overflows(base: str) -> None:
    module = CausalLM(base, optimizer=partial(torch.optim.AdamW, lr=1e-3, fused=True))
    scaler = torch.amp.GradScaler("cpu", init_scale=2.0**60)
    trainer = make_trainer(plugins=[MixedPrecision("16-mixed", "cpu", scaler)], gradient_clip_val=1.0)
    trainer.fit(module, RowsData(uneven_rows(), batch_size=8))
    assert scaler.get_scale() == 2.0**59
    assert torch.equal(
        module.decoder.get_input_embeddings().weight, make_tiny().get_input_embeddings().weight
    )
