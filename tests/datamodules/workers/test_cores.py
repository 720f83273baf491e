from __future__ import annotations

import os

import pytest

from datamodules.workers import cores
from datamodules.workers.cores import count_cores, count_ranks, share_of_cores
from datamodules.workers.worker_pool import WorkerPool

TORCHRUN = {"LOCAL_RANK": "3", "LOCAL_WORLD_SIZE": "4", "WORLD_SIZE": "16", "RANK": "7"}
LIGHTNING = {"LOCAL_RANK": "0", "NODE_RANK": "0", "WORLD_SIZE": "2"}
SLURM = {"SLURM_NTASKS": "16", "SLURM_NTASKS_PER_NODE": "8", "SLURM_LOCALID": "3", "SLURM_CPUS_ON_NODE": "64"}
IN_SLURM = {"SLURM_NTASKS_PER_NODE": "1", "SLURM_CPUS_ON_NODE": "64"}


def test_count_cores_respects_the_cpu_affinity() -> None:
    allowed = os.sched_getaffinity(0)
    try:
        os.sched_setaffinity(0, {min(allowed)})
        assert count_cores() == 1
    finally:
        os.sched_setaffinity(0, allowed)
    assert count_cores() == len(allowed)


@pytest.mark.parametrize(
    ("environment", "own", "ranks", "share"),
    [
        ({}, 64, 1, 64),
        (TORCHRUN, 64, 4, 16),
        (TORCHRUN, 2, 4, 1),
        (LIGHTNING, 64, 2, 32),
        (SLURM, 8, 8, 8),  # each task on cores of its own
        (SLURM, 64, 8, 8),  # all tasks on the job's cores
        (SLURM, 128, 8, 8),  # all tasks on the whole machine's
        (IN_SLURM | TORCHRUN, 64, 4, 16),  # one task starts the ranks
        (IN_SLURM | LIGHTNING, 64, 2, 32),
        (IN_SLURM, 64, 1, 64),
        ({"WORLD_SIZE": "16"} | SLURM, 8, 8, 8),  # a batch script often says it
    ],
)
def test_rank_has_its_share_of_the_cores(
    environment: dict[str, str], own: int, ranks: int, share: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cores, "count_cores", lambda: own)
    assert count_ranks(environment) == ranks
    assert share_of_cores(environment) == share


def test_worker_pool_keeps_to_the_share_of_its_rank(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(cores, "count_cores", lambda: 6)
    for name in TORCHRUN:
        monkeypatch.delenv(name, raising=False)
    early = WorkerPool()
    assert len(WorkerPool().workers) == 6
    for name, value in (TORCHRUN | {"LOCAL_WORLD_SIZE": "2"}).items():
        monkeypatch.setenv(name, value)
    assert len(WorkerPool().workers) == 3
    early.ask_ahead([])
    assert len(early.workers) == 3
    assert len(WorkerPool(5).workers) == 5
