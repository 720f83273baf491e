"""Run the tiny default job over and over with kills: `python -m tests.stress.soak MINUTES` (`make soak MINUTES=60`).

Each round fits, half of the rounds on two ranks and half with loader workers; every other round a process of the run is
killed at a random moment. What a round must not leave: processes, files in /dev/shm or in the temporary folder, System V
semaphores. What must not grow: the most memory that rank 0 of an undisturbed run takes.
"""

from __future__ import annotations

import os
import random
import shutil
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from tests.helpers.runs import PROJECT, own_table
from tests.stress.processes import find, new_mark, wait_until_gone
from tests.stress.record import record

GROWTH = 1.1
"""How much more memory the last third of the rounds may take than the first."""


_SHARED = ("torchinductor_", "patois-stress-")
"""What is no run's own: caches that PyTorch makes once for a user, and folders of other stress tests that run meanwhile."""


def left_behind(temporary: Path) -> dict[str, set[str]]:
    """Return what a run could leave on the machine; its temporary folder is its own."""
    semaphores = Path("/proc/sysvipc/sem").read_text().splitlines()[1:]
    return {
        "/dev/shm": {path.name for path in Path("/dev/shm").iterdir() if not path.name.startswith(_SHARED)},
        "temporary files": {path.name for path in temporary.iterdir() if not path.name.startswith(_SHARED)},
        "semaphores": set(semaphores),
    }


def peak_memory(pid: int) -> int:
    """Return the most resident memory that a process has had so far, in kB; 0 if it is gone."""
    try:
        lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    except OSError:
        return 0
    return next((int(line.split()[1]) for line in lines if line.startswith("VmHWM")), 0)


def run_round(folder: Path, temporary: Path, draw: random.Random, kill: bool) -> tuple[list[str], int]:
    """Run once; return what was wrong, and rank 0's most memory in kB."""
    ranks, workers = draw.choice([1, 2]), draw.choice([0, 1])
    mark, wrong, peak = new_mark(), [], 0
    environment = {
        **os.environ, **mark, "TMPDIR": str(temporary), "OMP_NUM_THREADS": "1", "WANDB_MODE": "offline",
        **{f"WANDB_{name}_DIR": str(folder / "home") for name in ("DATA", "CACHE", "CONFIG")},
    }  # fmt: skip
    before = left_behind(temporary)
    with (folder / "out").open("wb") as out:
        process = subprocess.Popen(
            [sys.executable, str(PROJECT / "train.py"), "fit", "--name", "mine", *own_table(folder), "--data.batch_size", "2",
             "--trainer.accelerator", "cpu", "--trainer.devices", str(ranks), "--data.num_workers", str(workers)],
            cwd=folder, env=environment, stdout=out, stderr=subprocess.STDOUT,
        )  # fmt: skip
    kill_at = time.monotonic() + draw.uniform(3, 15) if kill else float("inf")
    killed = False
    while process.poll() is None:
        peak = max(peak, peak_memory(process.pid))
        if time.monotonic() > kill_at and not killed and (alive := find(mark)):
            victims = [pid for pid, words in alive.items() if "train.py" in words]
            if victims:
                os.kill(draw.choice(victims), signal.SIGKILL)
                killed = True
        time.sleep(0.1)
    if left := wait_until_gone(mark, 60):
        wrong.append(f"processes {left}")
        for pid in left:
            os.kill(pid, signal.SIGKILL)
    if not killed and process.returncode:
        wrong.append(f"exit code {process.returncode}: {(folder / 'out').read_text()[-500:]}")
    for name, kept in left_behind(temporary).items():
        # A killed process cannot remove its temporary files; what it leaves elsewhere would outlive a restart of the job.
        if (more := kept - before[name]) and not (killed and name == "temporary files"):
            wrong.append(f"{name}: {sorted(more)[:5]}")
    return wrong, 0 if killed or ranks > 1 or workers else peak


def main(minutes: float) -> int:
    """Run rounds for so many minutes, write the result down, and return how many rounds went wrong."""
    draw, begun, peaks, failed, rounds = random.Random(0), time.monotonic(), [], 0, 0
    with tempfile.TemporaryDirectory() as root:
        while time.monotonic() < begun + 60 * minutes:
            folder, temporary = Path(root, "run"), Path(root, "tmp")
            for path in (folder, temporary):
                shutil.rmtree(path, ignore_errors=True)
                path.mkdir()
            wrong, peak = run_round(folder, temporary, draw, kill=rounds % 2 == 1)
            rounds += 1
            peaks += [peak] if peak else []
            failed += bool(wrong)
            sys.stderr.write(f"round {rounds}: {'; '.join(wrong) or 'clean'}; {peak / 1024:,.0f} MB\n")
    third = max(1, len(peaks) // 3)
    first, last = statistics.median(peaks[:third]), statistics.median(peaks[-third:])
    if last > GROWTH * first:
        failed += 1
    note = f"{first / 1024:,.0f} MB of memory at first and {last / 1024:,.0f} MB at last; kills in every other round"
    record(
        14, "rounds of the tiny default job", rounds, rounds - min(failed, rounds), note, seconds=60 * minutes
    )
    return failed


if __name__ == "__main__":
    sys.exit(1 if main(float(sys.argv[1])) else 0)
