"""Tell runs to stop: a checkpoint within one step, all ranks gone, the right exit code, and the end as if nothing had been."""

from __future__ import annotations

import os
import random
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import torch

from tests.helpers.runs import PROJECT
from tests.stress.forks import ForkedRun, group_lives
from tests.stress.resuming import differences, outcome, prepare, reference

SCONTROL = """#!{python}
import sys
import torch
path = "{checkpoint}"
step = torch.load(path, weights_only=True)["global_step"]
open("{log}", "a").write(" ".join(sys.argv[1:]) + f" at {{step}}\\n")
"""


def attempt(case: dict[str, Any], folder: Path) -> None:
    """Try what `case["how"]` says: `train`, `validate`, `test`, `launcher` or `slurm`."""
    {"test": _test, "launcher": _launcher, "slurm": _slurm}.get(case["how"], _fit)(case, folder)


def _stop(run: ForkedRun, signum: int, ranks: list[int]) -> int:
    """Send a signal to some ranks; return how many steps were done then."""
    run.kill(signal.SIGSTOP)  # so that none is done in between
    time.sleep(0.02)
    steps = run.steps
    run.kill(signum, ranks)
    run.kill(signal.SIGCONT)
    return steps


def _check_stopped(run: ForkedRun, signum: int) -> None:
    codes = run.wait(120)
    assert codes == [128 + signum] * len(codes), f"exit codes {codes}: {run.output.read_text()[-3000:]}"
    assert run.all_gone(120), "a process is left"


def _fit(case: dict[str, Any], folder: Path) -> None:
    rng, world, name = random.Random(case["seed"]), case["world"], f"{case['how']}-{case['seed']}"
    signum = rng.choice((signal.SIGTERM, signal.SIGINT))
    expected = reference(folder, world)
    workers = ["--data.num_workers", str(rng.choice((0, 2)))]
    run = ForkedRun(
        ["fit", "--name", name, *prepare(folder), *workers, "--checkpoint.minutes", "5"], folder, world
    )
    if case["how"] == "train":
        assert run.wait_for(f"step {rng.randint(1, expected['global_step'] - 1)}")
    else:
        for _ in range(world * rng.randint(0, 2) + 1):
            assert run.wait_for("generate")
    time.sleep(rng.uniform(0, 0.05))
    steps = _stop(run, signum, [rng.randrange(world)])
    _check_stopped(run, signum)
    kept = torch.load(folder / "runs" / name / "checkpoints" / "last.ckpt", weights_only=True)["global_step"]
    assert kept == run.steps, f"last.ckpt is of step {kept} of {run.steps}"
    assert run.steps - steps <= 1, f"{run.steps - steps} steps were done after the signal"
    ForkedRun(["fit", "--ckpt_path", "last"], folder, world).finish()
    different = differences(outcome(folder / "runs" / name), expected)
    assert not different, f"{signum.name} after step {steps}: {different[:5]}"
    shutil.rmtree(folder / "runs" / name)


def _test(case: dict[str, Any], folder: Path) -> None:
    rng, world = random.Random(case["seed"]), case["world"]
    reference(folder, world)
    signum = rng.choice((signal.SIGTERM, signal.SIGINT))
    checkpoint = f"runs/plain-{world}/checkpoints/best.ckpt"
    run = ForkedRun(
        ["test", "--ckpt_path", checkpoint, "--name", f"tested-{case['seed']}", "--data.test_source", "mols.csv",
         "--data.eval_batch_size", "1"],
        folder, world,
    )  # fmt: skip
    assert run.wait_for("generate")
    time.sleep(rng.uniform(0, 0.05))
    _stop(run, signum, [rng.randrange(world)])
    _check_stopped(run, signum)


def _launcher(case: dict[str, Any], folder: Path) -> None:
    """Two ranks as `--trainer.devices 2` starts them: the first process starts the second."""
    rng, name = random.Random(case["seed"]), f"launched-{case['seed']}"
    expected = reference(folder, 2)
    signum, to_child = rng.choice((signal.SIGTERM, signal.SIGINT)), rng.random() < 0.5
    command = [sys.executable, str(PROJECT / "train.py")]
    args = ["fit", "--name", name, *prepare(folder), "--trainer.devices", "2"]
    with (folder / f"{name}.txt").open("w") as output:
        process = subprocess.Popen(
            [*command, *args], cwd=folder, stdout=output, stderr=output, start_new_session=True
        )
    metrics = folder / "runs" / name / "metrics.csv"
    deadline = time.monotonic() + 120
    while not metrics.is_file() or len(metrics.read_text().splitlines()) < 6:
        assert process.poll() is None, (folder / f"{name}.txt").read_text()[-3000:]
        assert time.monotonic() < deadline
        time.sleep(0.02)
    children = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()
    ranks = [pid for pid in children if b"LOCAL_RANK=1" in Path(f"/proc/{pid}/environ").read_bytes()]
    os.kill(int(ranks[0]) if to_child else process.pid, signum)
    assert process.wait(120) == 128 + signum, (folder / f"{name}.txt").read_text()[-3000:]
    deadline = time.monotonic() + 120
    while group_lives(process.pid):
        assert time.monotonic() < deadline, "a process is left"
        time.sleep(0.05)
    subprocess.run([*command, "fit", "--ckpt_path", "last"], cwd=folder, check=True, capture_output=True)
    different = differences(outcome(folder / "runs" / name), expected)
    assert not different, different[:5]


def _slurm(case: dict[str, Any], folder: Path) -> None:
    """The signal before the time limit, to all ranks or to one: the job is queued again once, and goes on by itself."""
    rng, world = random.Random(case["seed"]), case["world"]
    expected = reference(folder, world)
    job = str(1000 + case["seed"])
    run_folder = folder / "runs" / f"job-{job}"
    programs, log = folder / f"bin-{job}", folder / f"scontrol-{job}.txt"
    programs.mkdir()
    checkpoint = run_folder / "checkpoints" / "last.ckpt"
    script = SCONTROL.format(python=sys.executable, checkpoint=checkpoint, log=log)
    (programs / "scontrol").write_text(script)
    (programs / "scontrol").chmod(0o755)
    path = f"{programs}:{os.environ['PATH']}"
    args = ["fit", *prepare(folder), "--checkpoint.minutes", "5"]
    run = ForkedRun(args, folder, world, slurm=job, PATH=path)
    if rng.random() < 0.5:
        assert run.wait_for(f"step {rng.randint(1, expected['global_step'] - 1)}")
    else:
        assert run.wait_for("generate")
    time.sleep(rng.uniform(0, 0.05))
    _stop(run, signal.SIGUSR1, list(range(world)) if rng.random() < 0.7 else [rng.randrange(world)])
    run.kill(signal.SIGUSR1)
    run.kill(signal.SIGTERM)  # as SLURM sends when it takes the job away
    _check_stopped(run, signal.SIGUSR1)
    assert log.read_text() == f"requeue {job} at {run.steps}\n"
    ForkedRun(args, folder, world, slurm=job, PATH=path, SLURM_RESTART_COUNT="1").finish()
    different = differences(outcome(run_folder), expected)
    assert not different, different[:5]
