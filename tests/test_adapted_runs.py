"""Whole runs that train part of a base, or a base with tokens added: from the flags to the exported folder."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from rdkit import Chem
from transformers import AutoModelForCausalLM, AutoTokenizer

import train
from tests.helpers.runs import last_metrics, own_table, read_csv

pytestmark = pytest.mark.filterwarnings("ignore::UserWarning")
FLAGS = {
    "lora": ["--model.peft.rank", "4", "--model.add_tokens", '["%10", "[13C]"]'],
    "dora": ["--config", str(Path(train.__file__).parent / "configs/adapters/lora.yaml"), "--model.peft.method", "dora"],
    "last block": ["--model.trainable", "['*.layers.1.*', 'model.norm.*']"],
    "tokens": ["--model.add_tokens", "selfies"],
}  # fmt: skip


# By default the tests of the decoder's adapters train and export DoRA.
@pytest.mark.parametrize(
    "name", [pytest.param(name, marks=[pytest.mark.slow] if name == "dora" else []) for name in FLAGS]
)
def test_adapters_fit_test_predict_and_resume(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("WANDB_MODE", "disabled")
    train.main(["fit", "--name", "mine", *own_table(tmp_path), "--data.max_length", "64", *FLAGS[name]])
    run = tmp_path / "runs" / "mine"
    checkpoint = ["--ckpt_path", "runs/mine/checkpoints/best.ckpt"]
    (tmp_path / "new.csv").write_text("smiles\nCC\nCCO\nCCCl\n")
    train.main(["predict", *checkpoint, "--data.predict_path", "new.csv"])
    train.main(["test", *checkpoint])
    assert "test/loss" in last_metrics(run / "test" / "metrics.csv")

    model = AutoModelForCausalLM.from_pretrained(run / "hf")
    tokenizer = AutoTokenizer.from_pretrained(run / "hf")
    rows = read_csv(run / "predict" / "predictions" / "new.csv")
    assert len(rows) == 3
    for row in rows:
        prompt = tokenizer(f"{row['input']} ->", return_tensors="pt")
        output = model.generate(**prompt, max_new_tokens=12, do_sample=False)
        text = tokenizer.decode(output[0, prompt["input_ids"].shape[1] :], skip_special_tokens=True)
        assert text.strip() == row["prediction"]

    before = torch.load(run / "checkpoints" / "last.ckpt", weights_only=True)
    train.main(["fit", "--ckpt_path", "runs/mine/checkpoints/last.ckpt", "--trainer.max_epochs", "3"])
    after = torch.load(run / "checkpoints" / "last.ckpt", weights_only=True)
    assert after["global_step"] > before["global_step"]
    changed = {
        key for key, value in after["state_dict"].items() if not value.equal(before["state_dict"][key])
    }
    frozen = {"lora": "base_layer", "dora": "base_layer", "last block": ".layers.0."}.get(name)
    assert changed
    assert frozen is None or not [key for key in changed if frozen in key]


# By default tests/test_fitted_run.py compares the texts of a run without adapters.
@pytest.mark.parametrize("name", [pytest.param("full", marks=pytest.mark.slow), "lora", "tokens"])
def test_exported_adapters_give_the_same_text_in_plain_transformers(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("WANDB_MODE", "disabled")
    rate = ["--model.optimizer.lr", "1e-2"]  # weights that hardly learned have near ties
    length = ["--trainer.max_epochs", "40", "--trainer.check_val_every_n_epoch", "40"]
    train.main(["fit", "--name", "mine", *own_table(tmp_path), *FLAGS.get(name, []), *rate, *length])
    smiles = [  # canonical, since that is what a prompt holds
        Chem.CanonSmiles(f"{a}{'C' * n}{z}")
        for n in range(1, 11)
        for a in ("", "O")
        for z in ("O", "N", "Cl", "Br", "I")
    ]
    (tmp_path / "new.csv").write_text("\n".join(["smiles", *smiles]))
    train.main(
        ["predict", "--ckpt_path", "runs/mine/checkpoints/last.ckpt", "--data.predict_path", "new.csv"]
    )
    rows = read_csv(tmp_path / "runs" / "mine" / "predict" / "predictions" / "new.csv")

    folder = tmp_path / "runs" / "mine" / "hf"
    model, tokenizer = AutoModelForCausalLM.from_pretrained(folder), AutoTokenizer.from_pretrained(folder)
    prompts = tokenizer([f"{row['input']} ->" for row in rows], return_tensors="pt", padding=True)
    output = model.generate(**prompts, max_new_tokens=12, do_sample=False)
    texts = tokenizer.batch_decode(output[:, prompts["input_ids"].shape[1] :], skip_special_tokens=True)
    assert [text.strip() for text in texts] == [row["prediction"] for row in rows]
    assert len(set(texts)) > 5
    assert len(rows) == 100
