"""Weights in bf16, fp16 and fp64: Lightning's `bf16-true`, `16-true` and `64-true`."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from lightning_modules.generation.generate import GenerationSettings
from lightning_modules.training.token_mean import TokenMean
from tests.helpers.tiny import make_tiny, save_tiny
from tests.helpers.tiny_runs import (
    CollectPredictions,
    Recorder,
    RowsData,
    make_module,
    make_trainer,
    record_run,
    uneven_rows,
)

DTYPES = {"bf16-true": torch.bfloat16, "16-true": torch.float16, "64-true": torch.float64}
ROUNDING = {"bf16-true": 0.05, "16-true": 0.01, "64-true": 1e-5}
"""Largest difference of a tiny decoder's loss from that in fp32, as a share."""
ALL_ROWS = [list(range(8))]

pytestmark = pytest.mark.filterwarnings("ignore:Precision .* is not supported by the model summary")


def validate(base: str, precision: str, **settings: object) -> tuple[float, CollectPredictions]:
    """Return val/loss and the answers of an untrained decoder."""
    answers = CollectPredictions()
    module = make_module(base, generation=GenerationSettings(max_new_tokens=4, **settings))
    trainer = make_trainer(precision=precision, callbacks=[answers])
    [logged] = trainer.validate(module, RowsData(uneven_rows(), 4, ALL_ROWS), verbose=False)
    return logged["val/loss"], answers


@pytest.mark.parametrize("architecture", ["llama", "bloom", "gemma3_text"])
@pytest.mark.parametrize("precision", DTYPES)
def test_true_precision_trains_and_answers(tmp_path: Path, architecture: str, precision: str) -> None:
    base = save_tiny(tmp_path, architecture)
    module, answers, run = make_module(base), CollectPredictions(), Recorder()
    trainer = make_trainer(precision=precision, callbacks=[answers, run], gradient_clip_val=1.0)
    trainer.fit(module, RowsData(uneven_rows(), 4, ALL_ROWS))
    assert {weight.dtype for weight in module.parameters()} == {DTYPES[precision]}
    assert len(answers.texts) == 8
    scores = torch.cat([output["score"] for output in answers.outputs])
    assert scores.dtype == (torch.float64 if precision == "64-true" else torch.float32)
    assert bool(scores.isfinite().all())
    assert all(torch.tensor(run.losses).isfinite())


@pytest.mark.parametrize("precision", DTYPES)
def test_true_precision_gives_the_loss_of_fp32_up_to_rounding(base: str, precision: str) -> None:
    expected, _ = validate(base, "32-true")
    assert validate(base, precision)[0] == pytest.approx(expected, rel=ROUNDING[precision])


@pytest.mark.parametrize("strategy", ["greedy", "beam", "sample"])
def test_64_true_gives_the_answers_of_fp32(base: str, strategy: str) -> None:
    expected, found = (
        validate(base, precision, strategy=strategy)[1] for precision in ("32-true", "64-true")
    )
    assert found.texts == expected.texts
    for one, other in zip(found.outputs, expected.outputs, strict=True):
        torch.testing.assert_close(one["score"], other["score"].double(), rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("precision", ["bf16-true", "16-true"])
@pytest.mark.parametrize("strategy", ["beam", "sample"])
def test_half_precision_answers_by_every_strategy(base: str, precision: str, strategy: str) -> None:
    _, answers = validate(base, precision, strategy=strategy)
    assert len(answers.texts) == 8


def test_64_true_follows_the_loss_curve_of_32_true(base: str) -> None:
    curves = []
    for precision in ("32-true", "64-true"):
        run = Recorder()
        trainer = make_trainer(precision=precision, max_epochs=8, callbacks=[run], gradient_clip_val=1.0)
        trainer.fit(make_module(base), RowsData(uneven_rows(), 2))
        curves.append(torch.tensor(run.losses, dtype=torch.float64))
    assert len(curves[0]) == 32
    assert curves[0][-4:].mean() < 0.8 * curves[0][:4].mean()
    torch.testing.assert_close(curves[1], curves[0], rtol=1e-4, atol=1e-4)


def test_64_true_computes_gradients_in_float64(tmp_path: Path) -> None:
    """Against plain PyTorch; a loss in float32 would differ by 1e-7. (Llama's own code computes norms in float32.)"""
    base = save_tiny(tmp_path, "gpt2")
    [first, *_] = record_run(base, batch_size=8, accumulate=1, clip=None).gradients
    decoder, rows = make_tiny("gpt2").double(), uneven_rows()
    losses = [
        torch.nn.functional.cross_entropy(
            decoder(input_ids=torch.tensor([prompt + completion])).logits[0, len(prompt) - 1 : -1],
            torch.tensor(completion),
            reduction="sum",
        )
        for prompt, completion in rows
    ]
    (torch.stack(losses).sum() / sum(len(completion) for _, completion in rows)).backward()
    expected = torch.cat([p.grad.flatten() for p in decoder.parameters() if p.grad is not None])
    assert ((first - expected).norm() / expected.norm()).item() < 1e-10


@pytest.mark.parametrize("precision", ["bf16-true", "16-true"])
def test_half_precision_keeps_rotary_frequencies_as_an_exported_folder_has_them(
    base: str, precision: str
) -> None:
    module = make_module(base)
    make_trainer(precision=precision).fit(module, RowsData(uneven_rows(), 4))
    frequencies = module.decoder.get_buffer("model.rotary_emb.inv_freq")
    expected = make_tiny().get_buffer("model.rotary_emb.inv_freq")
    assert frequencies.dtype == torch.float32
    torch.testing.assert_close(frequencies, expected, rtol=0, atol=0)


def test_token_mean_does_not_sum_in_bf16() -> None:
    mean = TokenMean().to(torch.bfloat16)
    for _ in range(2000):
        mean.update(torch.tensor(1.0), torch.tensor(1))
    assert mean.compute().item() == 1.0


def test_half_precision_clips_a_gradient_whose_norm_fp16_cannot_hold(base: str) -> None:
    run = Recorder()
    rows = [(prompt, completion * 30) for prompt, completion in uneven_rows()]
    rows = [(prompt, completion[:100]) for prompt, completion in rows]
    module = make_module(base)
    make_trainer(precision="16-true", callbacks=[run], gradient_clip_val=0.5).fit(module, RowsData(rows, 8))
    assert not bool(module.left_out)
    assert run.gradients[0].float().norm().item() <= 0.5 * 1.01
