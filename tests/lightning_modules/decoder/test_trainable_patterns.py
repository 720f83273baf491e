"""`--model.trainable`: patterns that name what is trained."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from lightning_modules.decoder.adapters import (
    LoraSettings,
    choose_trainable,
)
from tests.helpers.tiny import make_rows, make_tiny, save_tiny
from tests.helpers.tiny_adapters import PAIRS, TOKENS
from tests.helpers.tiny_runs import RowsData, make_module, make_trainer


def test_patterns_choose_what_is_trained() -> None:
    decoder = make_tiny("llama")

    def trained(*patterns: str) -> set[str]:
        choose_trainable(decoder, patterns)
        return {name for name, p in decoder.named_parameters() if p.requires_grad}

    everything = {name for name, _ in decoder.named_parameters()}
    last_block = {name for name in everything if ".layers.1." in name}
    assert trained("*.layers.1.*") == last_block
    assert trained("!*embed*") == {name for name in everything if "embed" not in name}
    assert trained("*.layers.1.*", "!*norm*") == {name for name in last_block if "norm" not in name}
    assert trained("*.layers.1.*", "model.norm.weight") == last_block | {"model.norm.weight"}


@pytest.mark.parametrize(
    ("patterns", "message"),
    [
        (
            ["*.layers.7.*"],
            r"pattern '\*\.layers\.7\.\*' matches no parameter\. Names are like model\.embed_tokens",
        ),
        (["*", "!*layer.1*"], "matches no parameter"),
        (["*", "!*"], "leaves nothing to train"),
        ([], "at least one pattern"),
    ],
)
def test_patterns_that_cannot_be_meant_are_errors(patterns: list[str], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        choose_trainable(make_tiny("llama"), patterns)


@pytest.mark.pitfall(12)
def test_patterns_that_freeze_new_rows_are_errors(tmp_path: Path) -> None:
    module = make_module(save_tiny(tmp_path), trainable=["*.layers.1.*"], add_tokens=TOKENS)
    with pytest.raises(ValueError, match=r"freezes an embedding, but the tokens of --model\.add_tokens need"):
        module.configure_model()
    choose_trainable(make_tiny("llama"), ["*embed*", "lm_head*"], [290])


def test_frozen_parameters_stay_and_have_no_place_in_the_optimizer(tmp_path: Path) -> None:
    module = make_module(save_tiny(tmp_path), trainable=["*.layers.1.*"])
    make_trainer().fit(module, RowsData(make_rows(module.tokenizer, PAIRS), batch_size=3))  # type: ignore[arg-type]
    before = make_tiny("llama").state_dict()
    changed = {
        name for name, value in module.decoder.state_dict().items() if not torch.equal(value, before[name])
    }
    assert changed == {name for name in before if ".layers.1." in name}
    groups = module.configure_optimizers()["optimizer"].param_groups
    assert sum(len(group["params"]) for group in groups) == len(changed)


def test_adapters_and_patterns_together_are_an_error(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"--model\.peft or --model\.trainable, but got both"):
        make_module(save_tiny(tmp_path), peft=LoraSettings(), trainable=["*"])
