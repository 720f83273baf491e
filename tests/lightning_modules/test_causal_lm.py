from __future__ import annotations

import os
import subprocess
import sys
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import torch
from jsonargparse import ArgumentParser
from lightning.pytorch.callbacks import Callback
from lightning.pytorch.plugins.precision import MixedPrecision
from torch.optim.lr_scheduler import ReduceLROnPlateau, StepLR

from lightning_modules.causal_lm import CausalLM
from lightning_modules.evaluation import Evaluator
from lightning_modules.generation.generate import GenerationSettings
from tests.helpers.runs import PROJECT
from tests.helpers.tiny import make_batch, make_rows, make_tiny, make_tokenizer, save_tiny
from tests.helpers.tiny_runs import (
    CLIP,
    LENGTHS,
    UNEVEN_SHARDS,
    Recorder,
    RowsData,
    make_module,
    make_trainer,
    record_run,
    uneven_rows,
)


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> str:
    return save_tiny(tmp_path_factory.mktemp("base"))


@pytest.fixture(scope="module")
def whole(base: str) -> dict[float | None, Recorder]:
    """One optimizer step on all eight rows at once, without and with clipping."""
    return {clip: record_run(base, 8, 1, clip) for clip in (None, CLIP)}


@pytest.fixture(scope="module")
def ranks(base: str, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """What two gloo ranks got."""
    results = tmp_path_factory.mktemp("ranks") / "results.pt"
    command = [sys.executable, "-m", "tests.helpers.tiny_runs", base, str(results)]
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    done = subprocess.run(command, cwd=PROJECT, env=environment, capture_output=True, text=True, timeout=200)
    assert done.returncode == 0, done.stderr[-3000:]
    return torch.load(results)


def assert_same(gradients: torch.Tensor, expected: torch.Tensor) -> None:
    assert ((gradients - expected).norm() / expected.norm()).item() < 1e-6


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


@pytest.mark.pitfall(4)
def test_val_loss_is_the_token_mean_however_the_ranks_share_the_rows(ranks: dict[str, Any]) -> None:
    seen = [index for shard in UNEVEN_SHARDS for index in shard if index >= 0]
    batch = make_batch([uneven_rows()[i] for i in seen], 0)
    expected = make_tiny()(input_ids=batch["input_ids"], labels=batch["labels"]).loss.item()
    assert ranks["val"] == pytest.approx(expected, rel=1e-5)


def test_val_loss_on_one_process(base: str) -> None:
    data = RowsData(uneven_rows(), batch_size=3, shards=[[0, 1, 2, 3, 4, 5, 6, 7, -1]])
    batch = make_batch(uneven_rows(), 0)
    expected = make_tiny()(input_ids=batch["input_ids"], labels=batch["labels"]).loss.item()
    val = make_trainer().validate(make_module(base), data, verbose=False)
    assert val[0]["val/loss"] == pytest.approx(expected, rel=1e-5)


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


@pytest.mark.pitfall(5)
@pytest.mark.parametrize("pad_is_stop", [True, False])
def test_learns_pairs_by_heart_and_when_to_stop(tmp_path: Path, pad_is_stop: bool) -> None:
    base = save_tiny(tmp_path, pad_is_stop=pad_is_stop)
    pairs = [
        ("CCO:", "ethanol"),
        ("c1ccccc1:", "benzene"),
        ("C:", "methane"),
        ("O:", "oxidane"),
        ("N:", "azane"),
    ]
    module = make_module(
        base,
        optimizer=partial(torch.optim.AdamW, lr=1e-2),
        generation=GenerationSettings(max_new_tokens=20),
    )
    data = RowsData(make_rows(make_tokenizer(pad_is_stop), pairs), batch_size=2, shards=[[0, 1, 2, 3, 4]])
    make_trainer(max_epochs=25, limit_val_batches=0).fit(module, data)
    collected = CollectPredictions()
    make_trainer(callbacks=[collected]).validate(module, data, verbose=False)
    assert collected.texts == [completion for _, completion in pairs]
    assert all(collected.stopped)


class CollectPredictions(Callback):
    def __init__(self) -> None:
        self.texts: list[str] = []
        self.stopped: list[bool] = []
        self.outputs: list[dict[str, Any]] = []

    def on_validation_batch_end(self, trainer: Any, pl_module: Any, outputs: Any, *_: Any) -> None:
        self.texts += outputs["prediction"]
        self.stopped += outputs["stopped"].tolist()
        self.outputs.append(outputs)


def test_steps_return_one_entry_per_row_fillers_included(base: str) -> None:
    collected = CollectPredictions()
    data = RowsData(uneven_rows(), batch_size=2, shards=[[3, 1, -1, -1]])
    make_trainer(callbacks=[collected]).validate(make_module(base), data, verbose=False)
    assert [output["row_index"].tolist() for output in collected.outputs] == [[3, 1], [-1, -1]]
    for output in collected.outputs:
        assert set(output) == {"row_index", "prediction", "score", "stopped", "num_tokens"}
        assert len(output["prediction"]) == 2
        assert output["score"].dtype == torch.float32
        assert output["stopped"].dtype == torch.bool
        assert output["num_tokens"].dtype == torch.int64


def test_predict_needs_no_labels(base: str) -> None:
    batch = make_batch(uneven_rows()[:3], 0)
    batch = {key: batch[key] for key in ("prompt_ids", "prompt_mask", "row_index")}
    (output,) = make_trainer().predict(
        make_module(base), torch.utils.data.DataLoader([batch], batch_size=None)
    )
    assert output["row_index"].tolist() == [0, 1, 2]


class Watch(Callback):
    def __init__(self) -> None:
        self.training: list[bool] = []
        self.rates: list[list[float]] = []

    def on_train_batch_start(self, trainer: Any, pl_module: Any, *_: Any) -> None:
        self.training.append(
            pl_module.decoder.training and all(m.training for m in pl_module.decoder.modules())
        )
        self.rates.append([group["lr"] for group in trainer.optimizers[0].param_groups])


@pytest.mark.pitfall(9)
def test_dropout_is_on_in_training_also_after_validation(tmp_path: Path) -> None:
    watch = Watch()
    module = make_module(save_tiny(tmp_path, "gpt2", dropout=0.1))
    data = RowsData(uneven_rows(), batch_size=4, shards=[[0, 1]])
    make_trainer(callbacks=[watch], max_epochs=2, num_sanity_val_steps=1).fit(module, data)
    assert watch.training == [True] * 4


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


def test_default_schedule_warms_up_and_falls_once_per_optimizer_step(base: str) -> None:
    watch = Watch()
    module = make_module(
        base, optimizer=partial(torch.optim.SGD, lr=1.0), warmup_fraction=0.25, min_lr_fraction=0.1
    )
    data = RowsData(uneven_rows(), batch_size=1)
    make_trainer(callbacks=[watch], accumulate_grad_batches=2, max_epochs=2).fit(module, data)
    rates = [group[0] for group in watch.rates][::2]  # 8 optimizer steps of two micro-batches
    assert [group[0] for group in watch.rates][1::2] == rates
    assert rates[:3] == pytest.approx([0.5, 1.0, 1.0])
    assert rates[2:] == sorted(rates[2:], reverse=True)
    assert min(rates) > 0.1


class StopAfterTwoEpochs(Callback):
    def on_train_epoch_end(self, trainer: Any, pl_module: Any) -> None:
        trainer.should_stop = trainer.current_epoch == 1


def test_schedule_goes_on_after_a_resume(base: str, tmp_path: Path) -> None:
    def run(*callbacks: Callback, resume: Path | None = None) -> tuple[Any, list[float]]:
        watch = Watch()
        trainer = make_trainer(callbacks=[watch, *callbacks], max_epochs=4)
        trainer.fit(make_module(base, warmup_fraction=0.5), RowsData(uneven_rows(), 4), ckpt_path=resume)
        return trainer, [rates[0] for rates in watch.rates]

    _, expected = run()
    half, before = run(StopAfterTwoEpochs())
    half.save_checkpoint(tmp_path / "half.ckpt")
    _, after = run(resume=tmp_path / "half.ckpt")
    assert len(before) == len(after) == 4
    assert before + after == pytest.approx(expected)


def test_checkpoint_holds_no_hyper_parameters(base: str, tmp_path: Path) -> None:
    """LightningCLI would let them override the flags of a resumed run."""
    trainer = make_trainer()
    trainer.fit(make_module(base), RowsData(uneven_rows(), 8))
    trainer.save_checkpoint(tmp_path / "last.ckpt")
    assert "hyper_parameters" not in torch.load(tmp_path / "last.ckpt", weights_only=True)


def test_own_scheduler_is_used(base: str) -> None:
    watch = Watch()
    module = make_module(base, scheduler=partial(StepLR, step_size=1, gamma=0.5))
    make_trainer(callbacks=[watch]).fit(module, RowsData(uneven_rows(), 4))
    assert [rates[0] for rates in watch.rates] == pytest.approx([0.1, 0.05])

    plateau = make_module(base, scheduler=partial(ReduceLROnPlateau, patience=0))
    data = RowsData(uneven_rows(), 4, shards=[[0, 1]])
    make_trainer(max_epochs=2).fit(plateau, data)


def test_norms_and_biases_do_not_decay(base: str) -> None:
    module = make_module(base, optimizer=partial(torch.optim.AdamW, lr=1e-3, weight_decay=0.1))
    module.configure_model()
    optimizer = module.configure_optimizers()["optimizer"]
    decay, no_decay = optimizer.param_groups
    assert (decay["weight_decay"], no_decay["weight_decay"]) == (0.1, 0.0)
    assert {p.ndim for p in decay["params"]} == {2}
    assert {p.ndim for p in no_decay["params"]} == {1}
    assert len(decay["params"]) + len(no_decay["params"]) == len(list(module.decoder.parameters()))


def test_gradients_are_freed_before_the_next_forward_pass(base: str) -> None:
    """But not within an accumulation window."""
    kept: list[list[bool]] = []

    class Look(Callback):
        def on_train_batch_start(self, trainer: Any, pl_module: Any, *_: Any) -> None:
            kept.append([p.grad is not None for p in pl_module.parameters()])

    data = RowsData(uneven_rows(), batch_size=2)
    make_trainer(accumulate_grad_batches=2, callbacks=[Look()]).fit(make_module(base), data)
    assert [any(batch) for batch in kept] == [False, True, False, True]


def test_configure_model_twice_keeps_the_weights(base: str) -> None:
    module = make_module(base)
    assert module.decoder is None
    module.configure_model()
    decoder = module.decoder
    assert {name.partition(".")[0] for name in module.state_dict()} == {"decoder"}
    module.configure_model()
    assert module.decoder is decoder


@pytest.mark.parametrize("name", ["warmup_fraction", "min_lr_fraction", "decay_fraction"])
def test_share_out_of_range_is_an_error(base: str, name: str) -> None:
    with pytest.raises(ValueError, match=rf"--model.{name} to be in \[0, 1\], but got 1.5"):
        make_module(base, **{name: 1.5})


def test_flags_reach_the_optimizer_and_the_generation() -> None:
    parser = ArgumentParser()
    parser.add_class_arguments(CausalLM, "model")
    parsed = parser.parse_args(
        ["--model.optimizer.lr=0.003", "--model.generation.strategy=beam", "--model.generation.num_beams=7"]
    )
    module = parser.instantiate(parsed).model
    module.configure_model()
    optimizer = module.configure_optimizers()["optimizer"]
    assert isinstance(optimizer, torch.optim.AdamW)
    assert optimizer.defaults["weight_decay"] == 0.01, "a flag for one argument keeps the others"
    assert optimizer.defaults["lr"] == 0.003
    assert module.generation == GenerationSettings(strategy="beam", num_beams=7)


def test_lengths_are_uneven() -> None:
    assert max(LENGTHS) > 10 * min(LENGTHS), "or the tests of the token mean prove nothing"


@pytest.mark.pitfall(13)
def test_mixed_precision_trains_in_bf16_and_evaluates_in_the_weights_own(base: str) -> None:
    module, seen = CausalLM(base), []
    module.configure_model()
    module.decoder.register_forward_pre_hook(
        lambda decoder, _: seen.append((decoder.training, torch.is_autocast_enabled("cpu")))
    )
    data = RowsData(uneven_rows(), batch_size=8, shards=[list(range(8))])
    make_trainer(precision="bf16-mixed", max_epochs=1, limit_val_batches=1).fit(module, data)
    assert (True, True) in seen
    assert {autocast for training, autocast in seen if not training} == {False}


def test_compiled_training_gives_the_weights_of_plain_training_and_evaluates_uncompiled(base: str) -> None:
    runs = []
    for compiled in (False, True):
        module = CausalLM(base, compile=compiled, attention="eager")
        data = RowsData(uneven_rows(), batch_size=4, shards=[list(range(8))])
        trainer = make_trainer(max_epochs=1, limit_val_batches=1)
        trainer.fit(module, data)
        runs.append((torch.cat([p.detach().flatten() for p in module.decoder.parameters()]), trainer))
    torch.testing.assert_close(runs[1][0], runs[0][0], rtol=1e-4, atol=1e-5)
    assert module.decoder.config._attn_implementation == "eager"
    assert torch._dynamo.utils.counters["frames"]["ok"] > 0, "nothing was compiled"


def test_an_attention_that_does_not_exist_is_an_error(base: str) -> None:
    with pytest.raises(ValueError, match=r"--model.attention 'flsh' cannot be used here"):
        CausalLM(base, attention="flsh").configure_model()


@pytest.mark.parametrize("algorithm", ["norm", "value"])
def test_a_fused_optimizer_is_clipped_in_mixed_precision(base: str, algorithm: str) -> None:
    module = CausalLM(base, optimizer=lambda params: torch.optim.AdamW(params, lr=1e-3, fused=True))
    run = Recorder()
    options = {"gradient_clip_val": 1e-3, "gradient_clip_algorithm": algorithm}
    trainer = make_trainer(precision="bf16-mixed", callbacks=[run], **options)
    trainer.fit(module, RowsData(uneven_rows(), batch_size=2))
    assert run.gradients
    assert max(size_of(gradient, algorithm) for gradient in run.gradients) <= 1e-3 * (1 + 1e-4)


def size_of(gradient: torch.Tensor, algorithm: str) -> float:
    return float(gradient.norm() if algorithm == "norm" else gradient.abs().max())


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


def test_the_untrained_base_answers_as_before_any_training(tmp_path):
    """Pretrained weights are read anew; random ones are the same each time, and leave the run's random numbers alone."""
    base = save_tiny(tmp_path)
    tokenizer = make_tokenizer()
    batch = make_batch(make_rows(tokenizer, [("CCO:", "ethanol"), ("C:", "methane")]), tokenizer.pad_token_id)
    batch["slots"] = 2
    for init in ("pretrained", "random"):
        module = make_module(base, init=init)
        module.configure_model()
        evaluator = Evaluator(module.decoder, module.tokenizer, module.generation)
        before = evaluator.answer(batch)["prediction"]
        with torch.no_grad():
            for parameter in module.parameters():
                parameter.normal_()
        state = torch.get_rng_state()
        answers = module.answer_untrained(batch)
        assert torch.equal(torch.get_rng_state(), state)
        assert answers == module.answer_untrained(batch)
        assert answers != evaluator.answer(batch)["prediction"]
        if init == "pretrained":
            assert answers == before
