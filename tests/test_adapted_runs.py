"""Whole runs that train part of a base, or a base with tokens added: from the flags to the exported folder."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from transformers import AutoModelForCausalLM, AutoTokenizer

import train
from tests.runs import last_metrics, own_table, read_csv

pytestmark = pytest.mark.filterwarnings("ignore::UserWarning")
FLAGS = {
    "lora": ["--model.peft.rank", "4", "--model.add_tokens", '["%10", "[13C]"]'],
    "dora": ["--config", str(Path(train.__file__).parent / "configs/adapters/lora.yaml"), "--model.peft.method", "dora"],
    "last block": ["--model.trainable", "['*.layers.1.*', 'model.norm.*']"],
    "tokens": ["--model.add_tokens", "selfies"],
}  # fmt: skip


@pytest.mark.parametrize("name", FLAGS)
def test_fit_test_predict_and_resume(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
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
