"""Pretraining as a run like any other, and the base that is made of it."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import pytest
import torch
from transformers import AutoModelForCausalLM, AutoTokenizer

import train
from bench.release.bundled import bits_per_character, bundle
from tests.helpers.runs import last_metrics, own_table, write_pairs, write_tiny_base

pytestmark = pytest.mark.filterwarnings("ignore::UserWarning")
CONFIG = str(Path(train.__file__).parent / "configs" / "pretrain.yaml")


def flags(folder: Path, *more: str) -> list[str]:
    """Return a fit with the configuration as it ships, on a tiny base and a table of one's own."""
    side = "{column: smiles, notation: smiles, randomize: true}"
    (folder / "read.yaml").write_text(f"input: {side}\noutput: {side}\n")
    return [
        "fit", "--config", CONFIG, "--model.base", write_tiny_base(folder),
        "--data.task", f"{folder}/read.yaml", "--data.source", write_pairs(folder), "--data.val_fraction", "0.2",
        "--data.epoch_rows", "8", "--data.batch_size", "4", "--model.optimizer.lr", "1e-2",
        "--model.warmup_fraction", "0", "--model.min_lr_fraction", "1", "--trainer.precision", "32-true",
        "--trainer.enable_progress_bar", "false", "--trainer.log_every_n_steps", "1", *more,
    ]  # fmt: skip


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("WANDB_MODE", "disabled")
    return tmp_path


def weights(run: Path) -> dict[str, Any]:
    return torch.load(run / "checkpoints" / "last.ckpt", weights_only=True)["state_dict"]


@pytest.mark.parametrize("packing", ["false", "true"])
def test_resumed_pretraining_ends_where_it_would_have(folder: Path, packing: str) -> None:
    more = ("--data.packing", packing)
    train.main([*flags(folder, *more, "--trainer.max_epochs", "4"), "--name", "whole"])
    train.main([*flags(folder, *more, "--trainer.max_epochs", "2"), "--name", "cut"])
    train.main(["fit", "--ckpt_path", "runs/cut/checkpoints/last.ckpt", "--trainer.max_epochs", "4"])
    whole, cut = weights(folder / "runs" / "whole"), weights(folder / "runs" / "cut")
    assert all(torch.equal(whole[name], cut[name]) for name in whole)
    metrics = [last_metrics(folder / "runs" / name / "metrics.csv") for name in ("whole", "cut")]
    assert metrics[0]["train/tokens_seen"] == metrics[1]["train/tokens_seen"] > 4 * 8 * 3
    assert metrics[0]["val/loss"] == metrics[1]["val/loss"]


def test_pretraining_run_becomes_a_base_that_is_fine_tuned(folder: Path) -> None:
    train.main([*flags(folder, "--trainer.max_epochs", "40"), "--name", "read"])
    run, base = folder / "runs" / "read", folder / "bundled"
    card = bundle(run, base, texts=4)
    assert (base / "README.md").read_text() == card

    assert AutoTokenizer.from_pretrained(base)("CCO")["input_ids"]
    decoder = AutoModelForCausalLM.from_pretrained(base, dtype=torch.float32)
    for name, value in weights(run).items():
        written = decoder.state_dict()[name.removeprefix("decoder.")]
        torch.testing.assert_close(written, value, rtol=1e-3, atol=1e-6)
    [line] = [line for line in card.splitlines() if line.startswith("| read |")]
    ours, random, count = (float(cell) for cell in line.split("|")[2:5])
    assert count == 4
    assert ours < 0.8 * random
    tokens = round(last_metrics(run / "metrics.csv")["train/tokens_seen"])
    assert f"{tokens:,} tokens in 80 steps of 4 texts" in card

    train.main(
        ["fit", "--name", "tuned", *own_table(folder), "--model.base", str(base), "--trainer.max_epochs", "1"]
    )
    assert (folder / "runs" / "tuned" / "hf" / "model.safetensors").is_file()


def test_bits_per_character_equal_the_models_own_loss(folder: Path) -> None:
    from lightning_modules.decoder.decoders import load_decoder, load_tokenizer

    base = write_tiny_base(folder)
    decoder, tokenizer = load_decoder(base).eval(), load_tokenizer(base)
    texts = ["CCO", "c1ccccc1C(=O)O", "a word, or two", "propan-2-ol"]
    nats = 0.0
    for text in texts:
        ids = torch.tensor([[*tokenizer(text)["input_ids"], tokenizer.eos_token_id]])
        nats += float(decoder(input_ids=ids, labels=ids).loss) * (ids.shape[1] - 1)
    expected = nats / math.log(2) / sum(map(len, texts))
    assert bits_per_character(decoder, tokenizer, texts, rows=3) == pytest.approx(expected, rel=1e-5)
