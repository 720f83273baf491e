"""Rows a second, memory and model FLOP use of trainers side by side, with random weights of published shapes."""

from __future__ import annotations

import os
from collections.abc import Iterator
from functools import partial
from importlib.util import find_spec

import numpy as np

from bench.speed.cases import GPU_TRAINERS
from bench.speed.training.mfu import matmul_flops, model_flops
from bench.speed.training.trainers import TRAINERS
from bench.speed.training.workload import Work, Workload, make_workload
from tests.gpu.apart import CutShort, run_apart
from tests.gpu.place import TINY_FACTOR, Place, Result

ROWS, BATCH = {"opt-1.3b": 512}, 64
TINY_ROWS, TINY_BATCH = 8, 4
FORMAT = "alpaca"
SECONDS = 50.0
"""Longest time of one trainer; compiling ones take the longest."""
NEEDS = {"trl-best": ("trl", "datasets"), "trl-liger": ("trl", "datasets", "liger_kernel")}
TINY_TRAINERS = ("patois", "hf-best", "bare")
"""Those of a try on a CPU, where compiling takes a minute; one shape has all of them."""


def compare(shape: str, place: Place) -> Iterator[Result]:
    """Yield a line a trainer, each from a process of its own; one that fails says so, and the others go on.

    This process itself neither tokenises nor computes: no fork of it would do well after that.
    """
    rows, batch = (TINY_ROWS, TINY_BATCH) if place.tiny else (ROWS.get(shape, 1024), BATCH)
    about: Result = {
        "shape": "tiny" if place.tiny else shape, "format": FORMAT, "rows": rows, "batch_size": batch,
        "precision": "fp32" if place.tiny else "bf16",
    }  # fmt: skip
    seconds = SECONDS * (TINY_FACTOR if place.tiny else 1)
    [costs] = run_apart(partial(prepare, about), place, seconds)
    yield {"what": "matmul", "precision": about["precision"], "flops": costs["matmul"]}
    for trainer in TINY_TRAINERS if place.tiny and shape != "opt-125m" else GPU_TRAINERS:
        missing = [package for package in NEEDS.get(trainer, ()) if find_spec(package) is None]
        if missing:
            yield {"what": trainer, **about, "skipped": f"needs {', '.join(missing)}"}
            continue
        try:
            [found] = run_apart(partial(time_trainer, trainer, about), place, seconds)
        except CutShort as error:
            yield {"what": trainer, **about, "error": str(error)}
            continue
        rate = found["rows_per_second"]
        yield {
            "what": trainer, **about, "rows_per_second": rate, "tokens_per_second": rate * costs["tokens"],
            "epoch_seconds": found["epoch_seconds"], "peak_mb": found.get("device_peak_mb", found["peak_mb"]),
            "share_of_matmul": rate * costs["flops"] / costs["matmul"], "held_out_loss": found["held_out_loss"],
        }  # fmt: skip


def workload_of(about: Result, place: Place) -> Workload:
    """Make the workload, or read it if it is there."""
    return make_workload(
        place.folder / "work", about["shape"], about["format"], about["rows"], device=place.device
    )


def prepare(about: Result, place: Place) -> Iterator[Result]:
    """Make the workload; yield a row's FLOPs and tokens, and the FLOP/s of a large matrix product."""
    workload = workload_of(about, place)
    size = 256 if place.tiny else 8192
    yield {
        "flops": model_flops(workload), "tokens": float(np.mean(workload.train.lengths)),
        "matmul": matmul_flops(about["precision"], size, device=place.device),
    }  # fmt: skip


def time_trainer(trainer: str, about: Result, place: Place) -> Iterator[Result]:
    """Yield what a trainer's stopwatch says, on one card: Hugging Face's Trainer would take all that it sees."""
    os.environ["CUDA_VISIBLE_DEVICES"] = os.environ.get("CUDA_VISIBLE_DEVICES", "0").split(",")[0]
    work = Work(
        workload_of(about, place), about["batch_size"], about["precision"], seed=0, device=place.device
    )
    yield TRAINERS[trainer](work)
