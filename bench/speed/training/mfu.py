"""Model FLOP use: the FLOP/s of training compared with a plain matmul's.

`python -m bench.speed.training.mfu` prints one JSON line.
"""

from __future__ import annotations

import time

import torch
from transformers import AutoConfig, AutoModelForCausalLM

from bench.speed.paper_costs import forward_flops, size_of
from bench.speed.training.step_breakdown import run_command
from bench.speed.training.trainers import run_patois
from bench.speed.training.workload import Work, Workload


def matmul_flops(precision: str, size: int = 1536, repeats: int = 12, device: str = "cpu") -> float:
    """Return the median FLOP/s of repeated products of two square matrices."""
    kind = torch.bfloat16 if precision == "bf16" else torch.float32
    one, other = (torch.randn(size, size).to(device, kind) for _ in range(2))
    wait = torch.cuda.synchronize if device == "cuda" else lambda: None
    seconds = []
    for _ in range(repeats):
        wait()
        start = time.perf_counter()
        one @ other
        wait()
        seconds.append(time.perf_counter() - start)
    return 2 * size**3 / sorted(seconds[2:])[(repeats - 2) // 2]


def model_flops(workload: Workload) -> float:
    """Return the FLOPs of full training on an average row, without padding; `bench.speed.paper_costs` has the arithmetic."""
    with torch.device("meta"):
        size = size_of(AutoModelForCausalLM.from_config(AutoConfig.from_pretrained(workload.model)))
    lengths = workload.train.lengths
    rows = zip(lengths.tolist(), (lengths - workload.train.prompt_lengths).tolist(), strict=True)
    return (
        3 * sum(forward_flops(size, tokens, supervised) for tokens, supervised in rows) / len(workload.train)
    )


def measure(workload: Workload, batch_size: int, precision: str) -> dict[str, float]:
    """Return the FLOP/s of a matmul and of training, and their ratio."""
    before = matmul_flops(precision)
    rate = run_patois(Work(workload, batch_size, precision, seed=0))["rows_per_second"]
    matmul = (before + matmul_flops(precision)) / 2
    reached = rate * model_flops(workload)
    return {"matmul_gflops": matmul / 1e9, "gflops": reached / 1e9, "share": reached / matmul}


if __name__ == "__main__":
    run_command(measure, __doc__)
