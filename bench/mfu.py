"""Model FLOP use: training's FLOP/s beside those of a plain matmul, and what a step is made of.

`python -m bench.mfu` prints one JSON line.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
import time
from pathlib import Path

import torch
from transformers import AutoModelForCausalLM

from bench.composition import measure_composition
from bench.grid import forward_flops, size_of
from bench.stopwatch import check_rows
from bench.trainers import run_patois
from bench.workload import Work, Workload, make_workload

BATCH = 8


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


def model_flops(workload: Workload) -> float:
    """Return the FLOPs of training on an average row in full, without padding; `bench.grid` has the arithmetic."""
    size = size_of(AutoModelForCausalLM.from_pretrained(workload.model, dtype=torch.float32))
    lengths = workload.train.lengths
    rows = zip(lengths.tolist(), (lengths - workload.train.prompt_lengths).tolist(), strict=True)
    return (
        3 * sum(forward_flops(size, tokens, supervised) for tokens, supervised in rows) / len(workload.train)
    )


def measure(shape: str, precision: str, rows: int) -> dict[str, float | str]:
    """Return the FLOP/s of a matmul and of training, their ratio, and the shares of a step."""
    with tempfile.TemporaryDirectory() as folder:
        workload = make_workload(Path(folder), shape, "arrow", rows)
        before = matmul_flops(precision)
        rate = run_patois(Work(workload, BATCH, precision, seed=0))["rows_per_second"]
        matmul = (before + matmul_flops(precision)) / 2
        reached = rate * model_flops(workload)
        composition = measure_composition(workload, BATCH, precision)
    return {
        "shape": shape,
        "precision": precision,
        "batch_size": BATCH,
        "matmul_gflops": matmul / 1e9,
        "gflops": reached / 1e9,
        "share": reached / matmul,
        **composition,
    }


def main() -> None:
    """Measure what the command line says."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--shape", default="smollm2-135m")
    parser.add_argument("--precision", default="fp32", choices=("fp32", "bf16"))
    parser.add_argument("--rows", type=int, default=64)
    args = parser.parse_args()
    try:
        check_rows(args.rows, BATCH)
    except ValueError as error:
        parser.error(str(error))
    result = measure(args.shape, args.precision, args.rows)
    sys.stdout.write("\n" + json.dumps(result) + "\n")


if __name__ == "__main__":
    main()
