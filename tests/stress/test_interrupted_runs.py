"""Stress tests 1 to 3: killed, out of disk, told to stop. A few tries in `make test`, all of them in `make stress`."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import pytest

from tests.stress.driver import Driver

RecordTries = Callable[..., None]
needs_mount = pytest.mark.skipif(
    os.name != "posix" or os.geteuid() != 0, reason="only root may mount a small disk"
)


@pytest.fixture(scope="module")
def driver() -> Iterator[Driver]:
    """A driver in a folder in memory, if there is such a disk: a run writes dozens of checkpoints."""
    memory = Path("/dev/shm")
    path = Path(tempfile.mkdtemp(prefix="patois-stress-", dir=memory if memory.is_dir() else None))
    with Driver(path) as driver:
        yield driver
    shutil.rmtree(path, ignore_errors=True)


ALL = pytest.mark.stress


@pytest.mark.parametrize(
    ("world", "tries"),
    [
        (1, 1),
        pytest.param(
            2, 1, marks=pytest.mark.slow
        ),  # by default two ranks are stopped in their training below
        *(pytest.param(world, 25, marks=ALL) for world in (1, 2)),
    ],
)
def test_killed_run_resumes_to_the_same_end(
    record_tries: RecordTries, driver: Driver, tries: int, world: int
) -> None:
    others = ["validated-within-epochs", "counted-in-steps", "plateau", "packed-bf16", "sampled", "averaged"]
    variants = ["plain"] + [variant for other in others for variant in ("plain", other)]
    cases = [
        {"seed": 2 * seed + world, "world": world, "variant": variants[seed % len(variants)]}
        for seed in range(tries)
    ]
    ranks = "1 process" if world == 1 else f"{world} gloo ranks"
    what = f"kill -9 at a random step, go on with other workers, kill again, go on: {ranks}"
    note = (
        "weights, optimizer, export, predictions and all that was logged are the same bits; 0 and 2 workers; accumulation, "
        "dropout, length buckets, random SMILES; a tiny OPT in fp32; nearly half with one more thing: validation "
        "twice an epoch, max_steps, ReduceLROnPlateau, packing and bf16, sampled answers, or averaged weights"
    )
    record_tries(1, what, cases, partial(driver.attempt, "resuming"), note)


@pytest.mark.parametrize("world", [1, 2])
def test_killed_run_goes_on_with_the_average_of_its_weights(driver: Driver, world: int) -> None:
    driver.attempt("resuming", {"seed": 1000 + world, "world": world, "variant": "averaged"})


@pytest.mark.parametrize("tries", [5, pytest.param(100, marks=ALL)])
def test_checkpoint_survives_a_kill_while_it_is_written(
    record_tries: RecordTries, driver: Driver, tries: int
) -> None:
    what = "kill -9 while a checkpoint is being written: last.ckpt loads"
    note = "16 MB on a disk, not in memory; the process is killed, the power is not cut"
    record_tries(2, what, list(range(tries)), partial(driver.attempt, "writing"), note)


@needs_mount
@pytest.mark.parametrize("tries", [1, pytest.param(20, marks=ALL)])
@pytest.mark.parametrize("where", ["run", "tmp"])
def test_full_disk_costs_no_checkpoint(
    record_tries: RecordTries, driver: Driver, tries: int, where: str
) -> None:
    what, note = {
        "run": (
            "the disk of the run's folder fills up at a random step: one line, status 74, goes on from last.ckpt",
            "a disk in memory; after room is made the run ends with the same bits as one that was never short of it",
        ),
        "tmp": ("TMPDIR is full: the run ends well", "0 and 2 workers; nothing is written there; W&B is off"),
    }[where]
    record_tries(
        2,
        what,
        [{"seed": seed, "where": where} for seed in range(tries)],
        partial(driver.attempt, "filling"),
        note,
    )


@pytest.mark.parametrize(
    ("how", "tries"),
    [
        *(pytest.param(how, 20, marks=ALL) for how in ("train", "validate", "test", "slurm")),
        pytest.param("launcher", 6, marks=ALL),
        ("train", 2),
        *((how, 1) for how in ("validate", "test", "slurm")),
    ],
)
def test_stopped_run_saves_ends_and_resumes_to_the_same_end(
    record_tries: RecordTries, driver: Driver, how: str, tries: int
) -> None:
    what = {
        "train": "SIGTERM or SIGINT to one rank while it trains: checkpoint within a step, all gone, 143 or 130, goes on",
        "validate": "the same while it validates and generates",
        "test": "SIGTERM or SIGINT to one rank of `test` while it generates: all gone, 143 or 130",
        "slurm": "SLURM's SIGUSR1, some twice, then SIGTERM: queued again once, after last.ckpt is whole; goes on by itself",
        "launcher": "SIGTERM or SIGINT to either process of `--trainer.devices 2`: 143 or 130, all gone, goes on",
    }[how]
    note = {
        "launcher": "2 ranks, started by Lightning",
        "slurm": "half on 2 ranks; a stand-in for scontrol",
    }.get(how, "half on 1 process, half on 2 gloo ranks; the end is the same bits")
    cases = [{"seed": seed, "world": 1 + seed % 2, "how": how} for seed in range(tries)]
    record_tries(3, what, cases, partial(driver.attempt, "stopping"), note)
