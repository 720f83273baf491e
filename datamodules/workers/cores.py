"""The number of processes worth starting: this process's cores, or its share of them if ranks share a machine."""

from __future__ import annotations

import os
from collections.abc import Mapping


def count_cores() -> int:
    """Return the number of cores that this process may use; a container or `taskset` can limit it."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def count_ranks(environment: Mapping[str, str] = os.environ) -> int:
    """Return the number of ranks on this machine, from the environment variables that their launcher sets.

    torchrun sets this number. Lightning's own launcher, and users who start every rank by hand, set the number of ranks on
    all machines, so on several machines a share is smaller than it could be. Each SLURM task is a rank; Lightning requires
    `SLURM_NTASKS_PER_NODE`.

    Args:
        environment: Environment variables.

    Examples:
        >>> count_ranks({}), count_ranks({"LOCAL_WORLD_SIZE": "4"}), count_ranks({"SLURM_NTASKS_PER_NODE": "2"})
        (1, 4, 2)
    """
    if "LOCAL_WORLD_SIZE" in environment:
        return int(environment["LOCAL_WORLD_SIZE"])
    if {"LOCAL_RANK", "WORLD_SIZE"} <= environment.keys():
        return int(environment["WORLD_SIZE"])
    return int(environment.get("SLURM_NTASKS_PER_NODE", 1))


def share_of_cores(environment: Mapping[str, str] = os.environ) -> int:
    """Return this rank's number of cores, at least one; without other ranks on the machine, all cores.

    SLURM may have given each rank its own cores, which are not divided again: a rank gets at most the job's cores on this
    machine divided by its ranks there, and at most the cores that it may use.

    Args:
        environment: Environment variables.
    """
    own = count_cores()
    together = int(environment.get("SLURM_CPUS_ON_NODE", own))
    return max(1, min(own, together // count_ranks(environment)))
