"""Names of the runs of a cluster's job: one for each of its fits, the same on all ranks and after a restart of the job."""

from __future__ import annotations

import hashlib
import json
import os
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from cli.run.claim import FILE, SILENT_SECONDS, lives, read_holder
from datamodules.storage.atomic_write import whole_file

RECORD = "cluster_job.json"
"""Says in a run's folder which fit of which job writes to it."""
RESTARTS = ("SLURM_RESTART_COUNT", "TORCHELASTIC_RESTART_COUNT")
WAIT_SECONDS = 60.0
"""How long a rank waits until rank 0 has chosen the run's name."""

Fit = dict[str, Any]
"""Which fit this is: job, step, restarts, master, words_hash. Equal on all ranks."""


def find_job() -> str | None:
    """Return the id of this process's job, or None outside a cluster."""
    ids = (os.environ.get(name) for name in ("TORCHELASTIC_RUN_ID", "SLURM_JOB_ID"))
    return next(
        (job for job in ids if job not in (None, "", "none")), None
    )  # torchrun without an id says none


def count_restarts() -> int:
    """Return how often a cluster has restarted this job."""
    return max(int(os.environ.get(name) or 0) for name in RESTARTS)


def describe_fit(words: Sequence[str]) -> Fit:
    """Return which fit of which job runs these words; `step` tells the fits of a job apart that `srun` starts."""
    environment = os.environ
    return {
        "job": find_job(),
        "step": environment.get("SLURM_STEP_ID") or environment.get("SLURM_STEPID"),
        "restarts": count_restarts(),
        "master": f"{environment.get('MASTER_ADDR')}:{environment.get('MASTER_PORT')}",
        "words_hash": hashlib.sha256("\0".join(words).encode()).hexdigest()[:16],
    }


def write_record(folder: Path, fit: Fit) -> None:
    """Note in a run's folder which fit writes to it."""
    with whole_file(folder / RECORD) as file:
        json.dump(fit, file)


def find_own_run(root: Path, fit: Fit) -> Path | None:
    """Return the run that this fit began before its job was restarted, or None.

    A job's script may run several fits: each one goes on with the run of the same words, and equal ones in their order. A job's
    only run is gone on with by other words, too.
    """
    records = {path: json.loads(path.read_text(encoding="utf-8")) for path in root.glob(f"*/{RECORD}")}
    own = {path: record for path, record in records.items() if record["job"] == fit["job"]}
    found = [
        (path.stat().st_mtime, path.parent)
        for path, record in own.items()
        if record["restarts"] < fit["restarts"]
        and (len(own) == 1 or record["words_hash"] == fit["words_hash"])
    ]
    if found:
        return min(found)[1]
    first = root / f"job-{fit['job']}"  # of a version without records
    return first if (first / "config.yaml").is_file() and not (first / RECORD).exists() else None


def wait_for_first_rank(root: Path, fit: Fit, seconds: float = WAIT_SECONDS) -> str | None:
    """Return the name that rank 0 of this fit has chosen and claimed, or None if it has not within some time."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        for path in [*root.glob(f"*/{FILE}"), *root.glob(f"*/*/{FILE}")]:
            holder = read_holder(path)
            if holder is None or any(holder.get(key) != value for key, value in fit.items()):
                continue
            alive = lives(holder)
            if alive or (alive is None and time.time() - path.stat().st_mtime < SILENT_SECONDS):
                return path.relative_to(root).parts[0]
        time.sleep(0.2)
    return None
