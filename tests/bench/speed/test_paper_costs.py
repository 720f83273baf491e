from __future__ import annotations

import pytest
import torch
from torch.utils.flop_counter import FlopCounterMode
from transformers import AutoConfig, AutoModelForCausalLM

from bench.speed import paper_costs


@pytest.mark.parametrize(
    ("base", "parameters"),
    # as the model cards and papers say
    [("OPT-125M", 125_239_296), ("OPT-1.3B", 1_315_758_080), ("Llama-2-7B", 6_738_415_616)],
)
def test_parameter_counts_are_the_published_ones(base: str, parameters: int) -> None:
    assert paper_costs.measure(base).total == parameters


def test_flops_equal_those_that_pytorch_counts(monkeypatch: pytest.MonkeyPatch) -> None:
    shape = {
        "model_type": "llama", "vocab_size": 3000, "hidden_size": 128, "intermediate_size": 352,
        "num_hidden_layers": 3, "num_attention_heads": 4, "tie_word_embeddings": False,
    }  # fmt: skip
    monkeypatch.setitem(paper_costs.SHAPES, "small", shape)
    decoder = AutoModelForCausalLM.from_config(AutoConfig.for_model(**shape), attn_implementation="eager")
    tokens = paper_costs.PROMPT + paper_costs.COMPLETION
    with FlopCounterMode(display=False) as counter:
        hidden = decoder.base_model(torch.ones(1, tokens, dtype=torch.int64)).last_hidden_state
        decoder.lm_head(hidden[:, paper_costs.PROMPT :]).sum().backward()
    # Eager attention computes the half that causality masks, too; the embedding's backward pass has no product.
    other_half = 3 * 2 * 3 * 128 * tokens**2
    counted = counter.get_total_flops() - other_half
    assert paper_costs.flops_of_row(paper_costs.measure("small"), lora=False) == pytest.approx(
        counted, rel=0.01
    )


@pytest.mark.parametrize(
    "shape",
    [
        {
            "model_type": "opt",
            "hidden_size": 64,
            "ffn_dim": 256,
            "num_hidden_layers": 2,
            "num_attention_heads": 2,
        },
        {"model_type": "gpt_bigcode", "n_embd": 64, "n_layer": 2, "n_head": 2, "n_positions": 2048},
    ],
    ids=lambda shape: shape["model_type"],
)
def test_position_embeddings_count_no_matmul(
    shape: dict[str, object], monkeypatch: pytest.MonkeyPatch
) -> None:
    """They are 2,048 x 64 parameters, more than the layers of these decoders have."""
    shape = {**shape, "vocab_size": 3000, "bos_token_id": 0, "eos_token_id": 0}
    monkeypatch.setitem(paper_costs.SHAPES, "small", shape)
    config = AutoConfig.for_model(**{"word_embed_proj_dim": 64, **shape})
    decoder = AutoModelForCausalLM.from_config(config, attn_implementation="eager").eval()
    with FlopCounterMode(display=False) as counter, torch.no_grad():
        decoder(torch.ones(1, 16, dtype=torch.int64))
    size = paper_costs.measure("small")
    matmul = counter.get_total_flops() - 2 * size.head * 16 - 4 * size.layers * size.hidden * 16**2
    assert 2 * size.body * 16 == pytest.approx(matmul, rel=0.03)  # biases and norms are no matmul, either


def test_optimizer_update_is_bound_by_memory() -> None:
    size = paper_costs.measure("OPT-125M")
    passes, update = paper_costs.seconds_of_row(size, None, 0.5)
    assert passes == paper_costs.flops_of_row(size, lora=False) / (989e12 * 0.4)
    assert update * paper_costs.BATCH == pytest.approx(size.total * (16 + 12 + 12) / (3.35e12 / 2))
    assert paper_costs.seconds_of_row(size, None, 1.0) == (passes, pytest.approx(update / 2))
    assert paper_costs.seconds_of_row(size, 2, 0.5)[1] < update / 100  # of adapters only
    assert paper_costs.table(0.1) != paper_costs.table(0.9)


def test_cost_table_has_every_row_of_the_grid() -> None:
    lines = paper_costs.table().splitlines()
    assert len(lines) == 2 + sum(len(row.sizes) for row in paper_costs.GRID)
    assert all(line.count("|") == lines[0].count("|") for line in lines)
    assert sum("four runs, by alpha" in line for line in lines) == 4
