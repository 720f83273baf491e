"""A decoder that was trained in part is exported as a plain one."""

from __future__ import annotations

import json
from functools import partial
from pathlib import Path

import pytest
import torch
from transformers import AutoModelForCausalLM, AutoTokenizer

from callbacks.reports.hf_export import save_decoder
from lightning_modules.decoder.adapters import (
    LoraSettings,
)
from lightning_modules.generation.generate import GenerationSettings, generate
from tests.helpers.tiny import make_batch, make_rows, save_tiny
from tests.helpers.tiny_adapters import PAIRS, TOKENS
from tests.helpers.tiny_runs import RowsData, make_module, make_trainer

SETTINGS = {
    "full": {},
    "lora": {"peft": LoraSettings(rank=4)},
    "dora": {"peft": LoraSettings(method="dora", rank=4, targets="all_linear")},
    "full with tokens": {"add_tokens": TOKENS},
    "lora with tokens": {"peft": LoraSettings(rank=4, targets="all_linear"), "add_tokens": TOKENS},
    "trainable": {"trainable": ["*.1.*"]},
}


@pytest.mark.parametrize("tied", [True, False])
@pytest.mark.parametrize("name", SETTINGS)
def test_the_export_gives_the_same_text_in_plain_transformers(name: str, tied: bool, tmp_path: Path) -> None:
    base = save_tiny(tmp_path / "base", "llama", tie_word_embeddings=tied)
    module = make_module(
        base,
        **SETTINGS[name],
        optimizer=partial(torch.optim.AdamW, lr=1e-2),
        generation=GenerationSettings(max_new_tokens=12),
    )
    module.configure_model()
    data = RowsData(make_rows(module.tokenizer, PAIRS), batch_size=3)  # type: ignore[arg-type]
    trainer = make_trainer(max_epochs=4, limit_val_batches=0)
    trainer.fit(module, data)
    trainer.save_checkpoint(tmp_path / "last.ckpt")
    state = torch.load(tmp_path / "last.ckpt", weights_only=True)["state_dict"]
    save_decoder(module, state, tmp_path / "hf")

    again = make_module(base, **SETTINGS[name], generation=module.generation)
    again.configure_model()
    again.load_state_dict(state)
    model = AutoModelForCausalLM.from_pretrained(tmp_path / "hf")
    tokenizer = AutoTokenizer.from_pretrained(tmp_path / "hf")
    prompts = [f"{'C' * (i % 7)}{prompt}" for i, (prompt, _) in enumerate(PAIRS * 4)][:20]
    inputs = make_batch(make_rows(again.tokenizer, [(prompt, "") for prompt in prompts]), 0)  # type: ignore[arg-type]
    ours = generate(
        again.decoder, again.tokenizer, inputs["prompt_ids"], inputs["prompt_mask"], again.generation
    )
    assert len(set(ours.text)) > 3
    for prompt, text in zip(prompts, ours.text, strict=True):
        encoded = tokenizer(prompt, return_tensors="pt", return_token_type_ids=False)
        output = model.generate(**encoded, max_new_tokens=12, do_sample=False)
        assert tokenizer.decode(output[0, encoded["input_ids"].shape[1] :], skip_special_tokens=True) == text
    assert not any("lora" in key for key in model.state_dict())
    assert json.loads((tmp_path / "hf" / "config.json").read_text())["vocab_size"] == len(
        model.get_input_embeddings().weight
    )
