"""Measure how training scales from one process to two on the CPU (gloo).

`python -m bench.speed.training.scaling` prints one JSON line per setting.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

from configs.lookup import PROJECT

ROWS, BATCH = 512, 16
SETTINGS = ((1, 1), (2, 1), (1, 2))
"""(processes, threads each); the total rows per step are the same."""


def measure(ranks: int, threads: int, folder: Path) -> dict[str, float]:
    """Return rows per second over all processes."""
    words = ["--folder", str(folder), "--rows", str(ROWS), "--batch-size", str(BATCH // ranks)]
    if ranks > 1:
        words += ["--config", "configs/trainer/ddp_cpu.yaml", f"--trainer.devices={ranks}"]
    done = subprocess.run(
        [sys.executable, "-m", "bench.speed.training.trainers", "patois", *words],
        cwd=PROJECT,
        env={**os.environ, "OMP_NUM_THREADS": str(threads)},
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    )
    result: dict[str, float] = json.loads(done.stdout.strip().splitlines()[-1])
    return {"ranks": ranks, "threads": threads, **result}


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as name:
        for setting in SETTINGS:
            sys.stdout.write(json.dumps(measure(*setting, Path(name))) + "\n")
