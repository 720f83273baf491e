from __future__ import annotations

import pytest
import torch
from torch.utils.flop_counter import FlopCounterMode
from transformers import AutoConfig, AutoModelForCausalLM

from bench import grid


@pytest.mark.parametrize(
    ("base", "parameters"),
    # as the model cards and papers say
    [("OPT-125M", 125_239_296), ("OPT-1.3B", 1_315_758_080), ("Llama-2-7B", 6_738_415_616)],
)
def test_parameters_are_the_published_ones(base: str, parameters: int) -> None:
    assert grid.measure(base).total == parameters


def test_flops_are_those_that_pytorch_counts(monkeypatch: pytest.MonkeyPatch) -> None:
    shape = {
        "model_type": "llama", "vocab_size": 3000, "hidden_size": 128, "intermediate_size": 352,
        "num_hidden_layers": 3, "num_attention_heads": 4, "tie_word_embeddings": False,
    }  # fmt: skip
    monkeypatch.setitem(grid.SHAPES, "small", shape)
    decoder = AutoModelForCausalLM.from_config(AutoConfig.for_model(**shape), attn_implementation="eager")
    tokens = grid.PROMPT + grid.COMPLETION
    with FlopCounterMode(display=False) as counter:
        hidden = decoder.base_model(torch.ones(1, tokens, dtype=torch.int64)).last_hidden_state
        decoder.lm_head(hidden[:, grid.PROMPT :]).sum().backward()
    # Eager attention computes the half that causality masks, too; the embedding's backward pass has no product.
    other_half = 3 * 2 * 3 * 128 * tokens**2
    counted = counter.get_total_flops() - other_half
    assert grid.flops_of_row(grid.measure("small"), lora=False) == pytest.approx(counted, rel=0.01)


def test_every_row_of_the_grid_is_in_the_table() -> None:
    lines = grid.table().splitlines()
    assert len(lines) == 2 + sum(len(row.sizes) for row in grid.GRID)
    assert all(line.count("|") == lines[0].count("|") for line in lines)
