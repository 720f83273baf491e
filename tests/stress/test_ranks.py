"""Stress test 4: what goes wrong on one rank is decided on all of them together, or ends all of them."""

from __future__ import annotations

import json
import os
import random
import re
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.helpers.runs import PROJECT, own_table, read_csv
from tests.stress.processes import new_mark, wait_until_gone

NUMBERS = ("nan", "inf", "-inf", "gradient")


def number_case(seed: int) -> dict[str, Any]:
    """Return a random way to train, and where in it a number stops being finite."""
    draw = random.Random(seed)
    world = draw.choice([1, 2, 2, 2, 4])
    clip = draw.choice([["0"], ["0.5"], ["0.5", "--trainer.gradient_clip_algorithm", "value"]])
    return {
        "words": [draw.choice(NUMBERS), str(draw.randrange(world)), str(draw.randint(1, 4))],
        "world": world,
        "flags": [
            "--trainer.devices", str(world),
            "--trainer.precision", draw.choice(["32-true", "bf16-mixed"]),
            "--trainer.accumulate_grad_batches", str(draw.choice([1, 2])),
            "--trainer.log_every_n_steps", str(draw.choice([1, 4])), "--trainer.gradient_clip_val", *clip,
            "--model.optimizer.fused", draw.choice(["true", "false"]),
        ],
    }  # fmt: skip


def train_with_bad_numbers(folder: Path, seed: int) -> None:
    """Train in a folder of its own, in a random way."""
    case = number_case(seed)
    folder.mkdir()
    flags = [
        "fit", "--name", "mine", *own_table(folder), *case["flags"], "--data.batch_size", "1",
        "--trainer.accelerator", "cpu", "--trainer.limit_val_batches", "0",
    ]  # fmt: skip
    result = subprocess.run(
        [sys.executable, str(PROJECT / "tests" / "stress" / "disturbed.py"), *flags],
        cwd=folder,
        env={
            **os.environ,
            "DISTURB": " ".join(case["words"]),
            "WANDB_MODE": "disabled",
            "OMP_NUM_THREADS": "1",
            "TOKENIZERS_PARALLELISM": "false",
        },
        capture_output=True,
        text=True,
        check=False,
        timeout=240,
    )
    assert result.returncode == 0, result.stderr[-3000:]


def check_left_out(folder: Path, seed: int) -> None:
    """Train, and fail unless every rank left out the disturbed step and no other, and its rows are written down."""
    train_with_bad_numbers(folder, seed)
    world = number_case(seed)["world"]
    disturbed = json.loads((folder / "disturbed.json").read_text())
    traces = [
        [json.loads(line) for line in (folder / f"trace_{rank}.jsonl").read_text().splitlines()]
        for rank in range(world)
    ]
    assert all(trace == traces[0] for trace in traces), "ranks differ"
    assert all(line["finite"] for line in traces[0])
    lines = read_csv(folder / "runs" / "mine" / "left_out.csv")
    [step] = {int(line["step"]) for line in lines}
    last = {line["step"]: line["hash"] for line in traces[0]}  # after the step's last micro-batch
    same = [number for number in last if number > 1 and last[number] == last.get(number - 1)]
    assert same == ([step] if step > 1 else [])
    to_blame = [line for line in lines if int(line["rank"]) == disturbed["rank"]]
    rows = [int(line["row_index"]) for line in to_blame if int(line["batch"]) == disturbed["batch"]]
    assert rows == [row for row in disturbed["rows"] if row >= 0]
    assert len(lines) == len(rows) or all(line["loss"] not in ("nan", "inf", "-inf") for line in lines)


@pytest.mark.pitfall(22)
@pytest.mark.parametrize("tries", [1, pytest.param(20, marks=pytest.mark.stress)])
def test_every_rank_leaves_out_the_same_step(
    tmp_path: Path, record_tries: Callable[..., None], tries: int
) -> None:
    record_tries(
        4, "NaN or inf on one rank at a random step", range(tries),
        lambda seed: check_left_out(tmp_path / str(seed), seed),
        "1, 2 and 4 ranks; loss or gradients; accumulation, clipping, precision and optimizer vary",
    )  # fmt: skip


END_CASES = [
    f"{what} {rank} {number}"
    for number in ("3", "1 validation")
    for what in ("kill", "raise", "exit")
    for rank in (1, 0, 2)
]


def check_all_gone(folder: Path, words: str, seconds: float) -> None:
    """Train on up to 3 ranks, let one fail, and fail unless all processes are gone in time and the run says why."""
    mark, rank = new_mark(), int(words.split()[1])
    folder.mkdir()
    with (folder / "out").open("w") as out, (folder / "err").open("w") as err:
        process = subprocess.Popen(
            [sys.executable, str(PROJECT / "tests" / "stress" / "disturbed.py"), "fit", "--name", "mine", *own_table(folder),
             "--data.batch_size", "1", "--trainer.accelerator", "cpu", "--trainer.devices", "3" if rank == 2 else "2",
             "--data.num_workers", "1", "--wandb.offline", "true"],
            cwd=folder, stdout=out, stderr=err,
            env={**os.environ, **mark, "DISTURB": words, "OMP_NUM_THREADS": "1", "WANDB_MODE": "offline"},
        )  # fmt: skip
        code = process.wait(240)
    happened = json.loads((folder / "disturbed.json").read_text())["at"]
    left = wait_until_gone(mark, seconds - (time.time() - happened))
    said = (folder / "err").read_text()
    assert not left, f"{seconds:.0f} s later there is still {left}"
    assert code != 0
    told = re.findall(r"^error: .*$|^(?:\[rank\d\]: )?RuntimeError: .*$", said, re.MULTILINE)
    expected = "something went wrong on this rank" if words.startswith("raise") else f"error: rank {rank} "
    assert expected in told[0], said[-3000:]
    assert len(told) <= 2, told


@pytest.mark.slow  # by default tests/cli/test_rank_watchdog.py kills ranks
@pytest.mark.parametrize("words", END_CASES[:1])
def test_failing_rank_ends_all_ranks(tmp_path: Path, words: str) -> None:
    check_all_gone(tmp_path / "run", words, seconds=240)


@pytest.mark.stress
def test_failing_rank_ends_all_ranks_within_a_minute(
    tmp_path: Path, record_tries: Callable[..., None]
) -> None:
    record_tries(
        4, "a rank raises, exits or is killed: all gone within 60 s", range(20),
        lambda number: check_all_gone(tmp_path / str(number), END_CASES[number % len(END_CASES)], seconds=60),
        "2 and 3 ranks, with loader workers and W&B offline; training and validating",
    )  # fmt: skip
