"""Break down a training step in a plain PyTorch loop: the shares of its parts, and the bandwidth of the update.

Forward and backward pass are mostly matrix products, limited by the processor's FLOP/s. Clipping and the optimizer do little
arithmetic on much memory and are limited by its bandwidth, so they are compared with a plain pass over memory.

`python -m bench.speed.training.step_breakdown` prints one JSON line.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Callable
from pathlib import Path

import torch

from bench.speed.cases import PARTS
from bench.speed.paper_costs import UPDATE_BYTES
from bench.speed.stopwatch import check_rows
from bench.speed.training.plain_loop import load, loss_of
from bench.speed.training.workload import CLIP, SHAPES, Workload, make_workload
from datamodules.tokens.batching import BatchDataset, plan_training

BATCH = 8
"""Rows a step."""
WARM_UP = 3
"""Steps before the clock starts: they allocate memory and compile kernels."""
Measure = Callable[[Workload, int, str], dict[str, float]]


class Parts:
    """A clock that adds up the seconds of each part of the steps after the warm-up."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = defaultdict(float)
        self.steps = -WARM_UP
        self._last = time.perf_counter()

    def end(self, part: str) -> None:
        """Note that a part has ended and the next begins."""
        now = time.perf_counter()
        if self.steps >= 0:
            self.seconds[part] += now - self._last
        self.steps += part == PARTS[-1]
        self._last = now


def plain_bytes_per_second(size: int = 1 << 26, repeats: int = 7) -> float:
    """Return the bytes per second that multiplying `size` floats in place reads and writes: the median of the repeats.

    Not a copy: a processor also reads the memory that a copy writes to, which the count of bytes would miss.
    """
    numbers = torch.ones(size)
    seconds = []
    for _ in range(repeats):
        start = time.perf_counter()
        numbers.mul_(1.0)
        seconds.append(time.perf_counter() - start)
    return 2 * numbers.nbytes / sorted(seconds)[repeats // 2]


def measure_composition(workload: Workload, batch_size: int, precision: str) -> dict[str, float]:
    """Train on the rows once in a plain loop, on a CPU, where each part has ended when its call returns.

    Returns:
        `<part>_share` for each of `PARTS`, which add up to 1; `step_seconds`; `update_gbps`, the memory that clipping and
        optimizer move per second (`UPDATE_BYTES` a parameter); `plain_gbps`, the same for numbers multiplied in place;
        `update_share`, their ratio.
    """
    decoder, optimizer = load(workload)
    parameters = list(decoder.parameters())
    rows = workload.train
    batches = BatchDataset(rows, plan_training(rows.lengths, batch_size, 1, 0, 0), pad_id=0)
    plain = plain_bytes_per_second()
    parts = Parts()
    for number in range(len(batches)):
        batch = batches[number]
        parts.end("data")
        loss = loss_of(decoder, batch, precision)
        parts.end("forward")
        loss.backward()
        parts.end("backward")
        torch.nn.utils.clip_grad_norm_(parameters, CLIP)
        parts.end("clipping")
        optimizer.step()
        optimizer.zero_grad()
        parts.end("optimizer")
    total = sum(parts.seconds.values())
    plain = (plain + plain_bytes_per_second()) / 2
    moved = UPDATE_BYTES * sum(parameter.numel() for parameter in parameters) * parts.steps
    update = moved / (parts.seconds["clipping"] + parts.seconds["optimizer"])
    return {
        **{f"{part}_share": parts.seconds[part] / total for part in PARTS},
        "step_seconds": total / parts.steps,
        "update_gbps": update / 1e9,
        "plain_gbps": plain / 1e9,
        "update_share": update / plain,
    }


def run_command(measure: Measure, description: str | None, words: list[str] | None = None) -> None:
    """Measure training on a new workload in steps of `BATCH` rows, as the command line says, and print one JSON line."""
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("--shape", default="smollm2-135m", choices=SHAPES)
    parser.add_argument("--precision", default="fp32", choices=("fp32", "bf16"))
    parser.add_argument("--rows", type=int, default=64)
    args = parser.parse_args(words)
    try:
        check_rows(args.rows, BATCH, least=WARM_UP + 1)
    except ValueError as error:
        parser.error(str(error))
    with tempfile.TemporaryDirectory() as folder:
        found = measure(make_workload(Path(folder), args.shape, "arrow", args.rows), BATCH, args.precision)
    result = {"shape": args.shape, "precision": args.precision, "batch_size": BATCH, **found}
    sys.stdout.write("\n" + json.dumps(result) + "\n")


if __name__ == "__main__":
    run_command(measure_composition, __doc__)
