"""Measure speed and write docs/speed.md: `python -m bench.speed [SECTION ...] [--rounds 5] [--more]`, with nothing else running.

Each figure is measured in its own process. Compared programs alternate, in another order in each round, so that a machine that
slows down affects all of them; a ratio is the median of the rounds' ratios. Trainers alternate epoch by epoch and are in memory
together. For them the number of the round is the seed of weights and row order, and ratios are taken per epoch. Raw results go to
docs/speed.jsonl. A complete round replaces the section's older results; with `--more` it is added to them, so that the rounds may
be measured on several evenings.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from functools import partial
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from bench.speed.cases import CASES, MODULES, SECTIONS, WORDS, at_least_one, one_of
from bench.speed.interleave import run_in_turns
from bench.speed.report import write_page
from bench.speed.results import keep_whole_rounds, read_results, rounds_of
from cli.openmp import thread_settings
from cli.precision import has_bf16_units
from configs.lookup import PROJECT, find_cache_root

PACKAGES = ("torch", "lightning", "transformers", "tokenizers", "trl", "accelerate", "rdkit", "numpy")


def litgpt_version() -> dict[str, str]:
    """Return the version of litgpt in its own environment, or nothing without one."""
    python = os.environ.get("LITGPT_PYTHON")
    if not python:
        return {}
    ask = "from importlib.metadata import version; print(version('litgpt'))"
    done = subprocess.run([python, "-c", ask], capture_output=True, text=True, check=True)
    return {"litgpt": done.stdout.strip()}


def describe_machine() -> dict[str, Any]:
    """Return the processor, the cores, and the versions of Python and of packages: the figures depend on them."""
    versions = {}
    for package in PACKAGES:
        try:
            versions[package] = version(package)
        except PackageNotFoundError:  # noqa: PERF203  a handful of them
            continue
    lines = Path("/proc/cpuinfo").read_text().splitlines() if Path("/proc/cpuinfo").exists() else []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return {
        "processor": names[0] if names else platform.processor(), "cores": os.cpu_count(),
        "python": platform.python_version(), **versions, **litgpt_version(),
    }  # fmt: skip


def environment(module: str, *words: str) -> dict[str, str]:
    """Return the environment of a measurement.

    Idle threads wait as `train.py` sets them; in other trainers as PyTorch does by default, which is best for them when
    nothing else runs. Generation sets its own, since it runs both. Compiled kernels are cached, so that only the very first
    round compiles them; that is not timed, but takes minutes.
    """
    others = module == "bench.speed.generation" or (
        module == "bench.speed.training.trainers" and not words[0].startswith("patois")
    )
    cache = find_cache_root()
    kept = {} if cache is None else {"TORCHINDUCTOR_CACHE_DIR": str(cache / "bench-compiled")}
    return {**({} if others else thread_settings()), **kept, **os.environ, "TOKENIZERS_PARALLELISM": "true"}


def run_module(module: str, *words: str) -> list[dict[str, Any]]:
    """Run a module of this package in its own process and return its JSON lines."""
    done = subprocess.run(
        [sys.executable, "-m", module, *words], cwd=PROJECT, capture_output=True, text=True, check=False,
        env=environment(module, *words),
    )  # fmt: skip
    if done.returncode:
        raise RuntimeError(f"python -m {module} {' '.join(words)} failed:\n{done.stderr[-3000:]}")
    return [json.loads(line) for line in done.stdout.splitlines() if line.startswith("{")]


def trainer_command(words: tuple[str, ...], name: str) -> tuple[str, ...]:
    """Return the command that runs a trainer."""
    return (sys.executable, "-m", "bench.speed.training.trainers", name, *words)


def measure_training(number: int) -> Iterator[dict[str, Any]]:
    """Yield one result per trainer, case and timed epoch; the number of the round is the seed."""
    for group, case in enumerate(CASES):
        precision = "bf16" if case.precision == "native" and has_bf16_units() else "fp32"
        with tempfile.TemporaryDirectory() as folder:
            workload = (
                "--folder", folder, "--shape", case.shape, "--format", case.format, "--rows", str(case.rows),
                "--seed", str(number),
            )  # fmt: skip
            run_module("bench.speed.training.workload", *workload)
            options = ("--batch-size", str(case.batch_size), "--precision", precision)
            command = partial(trainer_command, (*workload, *options))
            found = run_in_turns(
                case.trainers, command, partial(environment, "bench.speed.training.trainers"), PROJECT, number
            )
        what = {name: value for name, value in case._asdict().items() if name != "trainers"}
        about = {"section": "training", "round": number, "group": group, **what, "precision": precision}
        for name in case.trainers:
            result = found[name]
            for epoch, seconds in enumerate(result.pop("epoch_seconds")):
                timed = {"epoch": epoch, "seconds": seconds, "rows_per_second": case.rows / seconds}
                yield {**about, **result, **timed}


def measure_alone(section: str, number: int) -> Iterator[dict[str, Any]]:
    """Yield the results of a section other than training, which one module measures."""
    more = ("--round", str(number)) if section in ("generation", "drafts") else ()
    for words in WORDS.get(section, ((),)):
        for result in run_module(MODULES[section], *words, *more):
            yield {"section": section, "round": number, **result}


def measure(section: str, number: int) -> Iterator[dict[str, Any]]:
    """Yield and print the results of one round of a section."""
    results = measure_training(number) if section == "training" else measure_alone(section, number)
    for result in results:
        sys.stdout.write(json.dumps(result) + "\n")
        sys.stdout.flush()
        yield result


def main(words: list[str] | None = None) -> None:
    """Measure the given sections, replace or extend their results, and write the page."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("sections", nargs="*", type=one_of(SECTIONS), metavar="SECTION",
                        help=f"any of {', '.join(SECTIONS)}; default: all")  # fmt: skip
    parser.add_argument("--rounds", type=at_least_one, default=5)
    parser.add_argument(
        "--more",
        action="store_true",
        help="add rounds to those measured on the same machine with the same versions",
    )
    args = parser.parse_args(words)
    for section in args.sections or SECTIONS:
        machine = describe_machine()
        try:
            before = rounds_of(read_results(), section, machine) if args.more else []
        except ValueError as error:
            parser.error(str(error))
        first = 1 + max((result["round"] for result in before), default=-1)
        rounds = (measure(section, number) for number in range(first, first + args.rounds))
        keep_whole_rounds(section, machine, rounds, before)
        write_page(read_results())


if __name__ == "__main__":
    main()
