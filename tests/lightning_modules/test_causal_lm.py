from __future__ import annotations

from functools import partial
from pathlib import Path

import pytest
import torch
from jsonargparse import ArgumentParser
from lightning.pytorch.loggers import CSVLogger

from lightning_modules.causal_lm import CausalLM
from lightning_modules.generation.generate import GenerationSettings
from tests.helpers.tiny import make_rows, make_tokenizer, save_tiny
from tests.helpers.tiny_runs import (
    CollectPredictions,
    RowsData,
    Watch,
    make_module,
    make_trainer,
    uneven_rows,
)


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


@pytest.mark.pitfall(9)
def test_dropout_is_on_in_training_also_after_validation(tmp_path: Path) -> None:
    watch = Watch()
    module = make_module(save_tiny(tmp_path, "gpt2", dropout=0.1))
    data = RowsData(uneven_rows(), batch_size=4, shards=[[0, 1]])
    make_trainer(callbacks=[watch], max_epochs=2, num_sanity_val_steps=1).fit(module, data)
    assert watch.training == [True] * 4


def test_checkpoint_holds_no_hyper_parameters(base: str, tmp_path: Path) -> None:
    """LightningCLI would let them override the flags of a resumed run."""
    trainer = make_trainer()
    trainer.fit(make_module(base), RowsData(uneven_rows(), 8))
    trainer.save_checkpoint(tmp_path / "last.ckpt")
    assert "hyper_parameters" not in torch.load(tmp_path / "last.ckpt", weights_only=True)


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


@pytest.mark.parametrize(("stage", "compiled"), [("fit", True), ("validate", False)])
def test_only_a_fit_makes_the_compiler_ready(base: str, stage: str, compiled: bool) -> None:
    module, data = CausalLM(base, compile=True), RowsData(uneven_rows(), batch_size=4, shards=[[0, 1]])
    trainer = make_trainer(max_epochs=1, limit_train_batches=0, limit_val_batches=1)
    getattr(trainer, stage)(module, data)
    assert (module.decoder.base_model._compiled_call_impl is not None) == compiled


def test_an_attention_that_does_not_exist_is_an_error(base: str) -> None:
    with pytest.raises(ValueError, match=r"--model.attention 'flsh' cannot be used here"):
        CausalLM(base, attention="flsh").configure_model()


def test_an_epoch_shorter_than_the_logging_interval_logs_its_loss(base: str, tmp_path: Path) -> None:
    trainer = make_trainer(max_epochs=2, logger=CSVLogger(tmp_path), log_every_n_steps=50)
    data = RowsData(uneven_rows(), batch_size=3, shards=[[0, 1, 2, 3, 4, 5]])
    trainer.fit(make_module(base), data)
    lines = (tmp_path / "lightning_logs" / "version_0" / "metrics.csv").read_text().splitlines()
    name = lines[0].split(",").index("train/loss")
    assert len([line for line in lines[1:] if line.split(",")[name]]) == 2
