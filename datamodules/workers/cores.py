"""How many processes are worth starting: the cores of this process, or its share where ranks use the same ones."""

from __future__ import annotations

import os
from collections.abc import Mapping


def count_cores() -> int:
    """Return how many cores this process may use, which a container or `taskset` can make fewer than there are."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def count_ranks(environment: Mapping[str, str] = os.environ) -> int:
    """Return how many ranks run on this machine, by what those that start ranks tell them.

    torchrun says it. Lightning's own launcher, and who starts every rank by hand, give the ranks of all machines, so that on
    several a share is smaller than it could be. SLURM's tasks are the ranks; Lightning insists on this variable.

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
    """Return how many cores are this rank's, at least one; without other ranks on the machine that is all of them.

    SLURM may have given each rank cores of its own, and they are not shared out again: a rank has no more than the job's
    cores on this machine divided by its ranks, and no more than it may use.

    Args:
        environment: Environment variables.
    """
    own = count_cores()
    together = int(environment.get("SLURM_CPUS_ON_NODE", own))
    return max(1, min(own, together // count_ranks(environment)))
