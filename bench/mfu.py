"""Model FLOP use: training's FLOP/s beside those of a plain matmul; `python -m bench.mfu` prints one JSON line a shape."""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import torch
from transformers import AutoModelForCausalLM

from bench.stopwatch import WARM_UP
from bench.trainers import run_patois
from bench.workload import Workload, make_workload


def matmul_flops(precision: str, size: int = 1536, repeats: int = 12) -> float:
    """Return the FLOP/s of the median of some products of two square matrices."""
    kind = torch.bfloat16 if precision == "bf16" else torch.float32
    one, other = torch.randn(size, size).to(kind), torch.randn(size, size).to(kind)
    seconds = []
    for _ in range(repeats):
        start = time.perf_counter()
        one @ other
        seconds.append(time.perf_counter() - start)
    return 2 * size**3 / sorted(seconds[2:])[(repeats - 2) // 2]


def model_flops(workload: Workload, rows: int) -> float:
    """Return the training FLOPs that the model needs for an average row, without padding.

    Three times the forward pass: twice the parameters of the body for each token, twice those of the output embedding
    for each supervised token, and the causal half of the attention's two products.
    """
    decoder: Any = AutoModelForCausalLM.from_pretrained(workload.model, dtype=torch.float32)
    embedding, head = decoder.get_input_embeddings().weight, decoder.get_output_embeddings().weight
    total = sum(parameter.numel() for parameter in decoder.parameters())
    body = total - embedding.numel() - (0 if head is embedding else head.numel())
    lengths = workload.train.lengths.astype(float)
    supervised = lengths - workload.train.prompt_lengths
    config = decoder.config
    attention = 2 * config.num_hidden_layers * config.hidden_size * (lengths**2).sum()
    return 3 * (2 * body * lengths.sum() + 2 * head.numel() * supervised.sum() + attention) / rows


def main() -> None:
    """Measure what the command line says."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--shape", default="smollm2-135m")
    parser.add_argument("--precision", default="fp32", choices=("fp32", "bf16"))
    parser.add_argument("--rows", type=int, default=64)
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        workload = make_workload(Path(folder), args.shape, "arrow", args.rows)
        before = matmul_flops(args.precision)
        rate = run_patois(workload, 8, args.precision)["rows_per_second"]
        matmul = (before + matmul_flops(args.precision)) / 2
        reached = rate * model_flops(workload, args.rows)
    assert args.rows > 8 * WARM_UP
    sys.stderr.flush()
    result = {
        "shape": args.shape,
        "precision": args.precision,
        "matmul_gflops": matmul / 1e9,
        "gflops": reached / 1e9,
    }
    sys.stdout.write("\n" + json.dumps({**result, "share": reached / matmul}) + "\n")


if __name__ == "__main__":
    main()
