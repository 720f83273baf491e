"""Estimated costs of the paper's grid: FLOPs, memory and hours of each run.

`python -m bench.speed.paper_costs` prints the table of docs/scaling.md.

Nothing here was measured on a GPU. The arithmetic, for a row of P prompt tokens and C completion tokens:

- forward FLOPs = 2 x body parameters x (P + C) + 2 x head parameters x C (the head sees supervised positions only)
  + 4 x layers x hidden x (P + C)^2 / 2 (causal attention);
- training = 3 x forward in full (one forward, two for the backward pass), 2 x forward with LoRA (no gradients of the
  frozen weights);
- memory in full = 16 bytes a parameter (fp32 weight, gradient, two moments of AdamW); with LoRA 4 bytes a frozen
  parameter (weights are loaded in fp32) and 16 a trained one;
- activations = 34 bytes x tokens of a batch x hidden x layers (Korthikanti et al., 2022, arXiv 2205.05198, without the
  attention matrix, which SDPA does not keep), and 12 bytes x supervised tokens x vocabulary for the logits;
- time of a step = FLOPs / (peak x utilisation) for the forward and the backward pass, which are mostly matrix products, plus
  40 bytes x trained parameters / (memory bandwidth x share) for the update, which does little arithmetic on much memory. AdamW
  reads weight, gradient and two moments and writes all but the gradient, 28 bytes; clipping reads the gradients twice and writes
  them once, 12. `step_breakdown` measures the share: the update's part of a plain pass's bandwidth on a CPU. Making batches takes
  no time: other processes do it meanwhile.
"""

from __future__ import annotations

import sys
from dataclasses import dataclass
from typing import Any

import torch
from transformers import AutoConfig, AutoModelForCausalLM

PROMPT, COMPLETION = 86, 35
"""Mean tokens of a row: 5,000 rows of smiles_to_iupac in the format alpaca, by GPT-2's BPE, which OPT also uses."""
BATCH = 64
EPOCHS = 20
"""Used where the paper's grid gives none: its returns diminish after 20 to 30."""
PEAK, UTILISATION = 989e12, 0.4
"""Dense bf16 FLOP/s of an H100 SXM (NVIDIA's data sheet), and the assumed share of it in the forward and the backward pass."""
UPDATE_BYTES = 40
"""Bytes that clipping and AdamW move per step and trained parameter, in fp32."""
BANDWIDTH = 3.35e12
"""Bytes a second of an H100 SXM's memory (NVIDIA's data sheet)."""
ASSUMED_SHARE = 0.8
"""Share of the bandwidth that the update reaches, if it is not measured."""
EFFICIENCY = 0.9
"""Assumed speed-up of 8 GPUs under DDP, divided by 8."""

OPT: dict[str, Any] = {"model_type": "opt", "vocab_size": 50272}
SHAPES: dict[str, dict[str, Any]] = {
    "OPT-125M": {**OPT, "hidden_size": 768, "ffn_dim": 3072, "num_hidden_layers": 12, "num_attention_heads": 12},
    "OPT-350M": {
        **OPT, "hidden_size": 1024, "ffn_dim": 4096, "num_hidden_layers": 24, "num_attention_heads": 16,
        "word_embed_proj_dim": 512, "do_layer_norm_before": False,
    },
    "OPT-1.3B": {**OPT, "hidden_size": 2048, "ffn_dim": 8192, "num_hidden_layers": 24, "num_attention_heads": 32},
    "OPT-6.7B": {**OPT, "hidden_size": 4096, "ffn_dim": 16384, "num_hidden_layers": 32, "num_attention_heads": 32},
    "OPT-13B": {**OPT, "hidden_size": 5120, "ffn_dim": 20480, "num_hidden_layers": 40, "num_attention_heads": 40},
    "BLOOM-1b1": {"model_type": "bloom", "vocab_size": 250880, "hidden_size": 1536, "n_layer": 24, "n_head": 16},
    "SantaCoder-1.1B": {
        "model_type": "gpt_bigcode", "vocab_size": 49280, "n_embd": 2048, "n_layer": 24, "n_head": 16,
        "n_inner": 8192, "n_positions": 2048, "bos_token_id": 0, "eos_token_id": 0,
    },
    "Llama-2-7B": {
        "model_type": "llama", "vocab_size": 32000, "hidden_size": 4096, "intermediate_size": 11008,
        "num_hidden_layers": 32, "num_attention_heads": 32,
    },
    "Llama-2-13B": {
        "model_type": "llama", "vocab_size": 32000, "hidden_size": 5120, "intermediate_size": 13824,
        "num_hidden_layers": 40, "num_attention_heads": 40,
    },
}  # fmt: skip


@dataclass(frozen=True)
class GridRow:
    """Runs of the paper's grid that differ only in examples and epochs."""

    base: str
    sizes: tuple[tuple[int, int], ...]
    """(examples, epochs) of each run."""
    lora: int | None = None
    """Rank; None for full fine-tuning."""
    note: str = ""
    """The runs that each line stands for, if more than one."""


def _epochs(*examples: int) -> tuple[tuple[int, int], ...]:
    return tuple((count, EPOCHS) for count in examples)


ALPHAS = "four runs, by alpha"

GRID = (
    GridRow("OPT-125M", _epochs(10**2, 10**3, 10**4, 10**5, 10**6)),
    GridRow("OPT-125M", tuple((10**5, epochs) for epochs in (1, 10, 20, 30, 40, 50))),
    GridRow("OPT-350M", _epochs(10**5, 10**6)),
    GridRow("OPT-1.3B", _epochs(10**4, 10**5, 10**6)),
    GridRow("BLOOM-1b1", _epochs(10**6)),
    GridRow("SantaCoder-1.1B", _epochs(10**6)),
    GridRow("Llama-2-13B", _epochs(10**5), lora=2, note=ALPHAS),
    GridRow("Llama-2-13B", _epochs(10**5), lora=8, note=ALPHAS),
    GridRow("Llama-2-13B", _epochs(10**5), lora=32, note=ALPHAS),
    GridRow("Llama-2-13B", _epochs(10**5), lora=128, note=ALPHAS),
    GridRow("Llama-2-7B", _epochs(10**4, 10**5, 10**6), lora=16),
    GridRow("Llama-2-13B", _epochs(10**4, 10**5, 10**6), lora=16),
    *(GridRow(base, _epochs(10**5), lora=16) for base in ("OPT-125M", "OPT-1.3B", "OPT-6.7B", "OPT-13B")),
)


@dataclass(frozen=True)
class Size:
    """The sizes of a decoder that the arithmetic needs."""

    body: int
    """Parameters that every token passes, without the embeddings of tokens and positions, which are looked up."""
    head: int
    """Parameters of the output embedding, tied or not."""
    total: int
    hidden: int
    layers: int
    vocabulary: int
    attention: tuple[tuple[int, int], ...]
    """(in, out) of each linear layer of the attention, which LoRA adapts."""


def measure(base: str) -> Size:
    """Count the parameters of a decoder of the real shape, without making its weights."""
    config = AutoConfig.for_model(**{"word_embed_proj_dim": SHAPES[base].get("hidden_size"), **SHAPES[base]})
    with torch.device("meta"):
        return size_of(AutoModelForCausalLM.from_config(config))


def size_of(decoder: Any) -> Size:
    """Count the parameters of a decoder."""
    config = decoder.config
    head = decoder.get_output_embeddings().weight
    looked_up = {module.weight for module in decoder.modules() if isinstance(module, torch.nn.Embedding)}
    total = sum(parameter.numel() for parameter in decoder.parameters())
    attention = tuple(
        (int(module.weight.shape[1]), int(module.weight.shape[0]))
        for name, module in decoder.named_modules()
        if "attn" in name or "attention" in name
        if getattr(getattr(module, "weight", None), "ndim", 0) == 2
    )
    return Size(
        body=total - sum(weight.numel() for weight in looked_up | {head}),
        head=head.numel(), total=total, hidden=config.hidden_size, layers=config.num_hidden_layers,
        vocabulary=config.vocab_size, attention=attention,
    )  # fmt: skip


def forward_flops(size: Size, tokens: float, supervised: float) -> float:
    """Return the FLOPs of one forward pass of a row, with the output embedding at supervised tokens only."""
    return 2 * size.body * tokens + 2 * size.head * supervised + 2 * size.layers * size.hidden * tokens**2


def flops_of_row(size: Size, lora: bool) -> float:
    """Return the training FLOPs of one row."""
    return (2 if lora else 3) * forward_flops(size, PROMPT + COMPLETION, COMPLETION)


def trained(size: Size, rank: int | None) -> int:
    """Return the number of trained parameters: all, or LoRA's on the attention (the default of `--model.peft`)."""
    return (
        size.total if rank is None else sum(rank * (fan_in + fan_out) for fan_in, fan_out in size.attention)
    )


def memory(size: Size, rank: int | None) -> tuple[float, float]:
    """Return the bytes of weights and optimizer, and of activations and logits for a batch of `BATCH` rows."""
    weights = 16.0 * trained(size, rank) + (0 if rank is None else 4.0 * size.total)
    rows = BATCH * (PROMPT + COMPLETION) * size.hidden * size.layers * 34.0
    return weights, rows + 12.0 * BATCH * COMPLETION * size.vocabulary


def seconds_of_row(size: Size, rank: int | None, share: float) -> tuple[float, float]:
    """Return an H100's seconds per row for the forward and backward pass, and for its part of the update of `BATCH` rows."""
    passes = flops_of_row(size, rank is not None) / (PEAK * UTILISATION)
    return passes, UPDATE_BYTES * trained(size, rank) / (BANDWIDTH * share) / BATCH


def table(share: float = ASSUMED_SHARE) -> str:
    """Return the grid as a Markdown table; `share` is the share of the bandwidth that the update reaches."""
    lines = [
        "| base | trained parameters | examples x epochs | FLOPs a row | FLOPs | weights, optimizer | activations "
        "| update's share | 1 H100 | 8 H100 |",
        "|---|---|---|---|---|---|---|---|---|---|",
    ]
    sizes = {base: measure(base) for base in SHAPES}
    for row in GRID:
        size = sizes[row.base]
        per_row = flops_of_row(size, row.lora is not None)
        weights, rows = memory(size, row.lora)
        passes, update = seconds_of_row(size, row.lora, share)
        count = trained(size, row.lora)
        what = f"all, {count / 1e6:,.0f}M" if row.lora is None else f"LoRA r={row.lora}, {count / 1e6:,.1f}M"
        what += f" ({row.note})" * bool(row.note)
        for examples, epochs in row.sizes:
            hours = (passes + update) * examples * epochs / 3600
            lines.append(
                f"| {row.base} | {what} | {examples:,} x {epochs} | {per_row:.1e} | {per_row * examples * epochs:.1e} "
                f"| {weights / 1e9:.1f} GB | {rows / 1e9:.1f} GB | {100 * update / (passes + update):.0f} % "
                f"| {_time(hours)} | {_time(hours / 8 / EFFICIENCY)} |"
            )
    return "\n".join(lines) + "\n"


def _time(hours: float) -> str:
    if hours < 1 / 60:
        return f"{hours * 3600:.0f} s" if hours * 3600 >= 1 else "< 1 s"
    return f"{hours * 60:.0f} min" if hours < 2 else f"{hours:,.1f} h"


if __name__ == "__main__":
    sys.stdout.write(table())
