"""Stress test 9: whatever happens to W&B, training completes, and what was logged can be sent later."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.helpers.runs import PROJECT, own_table, read_csv
from tests.stress.fake_wandb import KEY, FakeWandb, fake_wandb
from tests.stress.processes import find, new_mark, wait_until_gone

CASES = (
    "no key", "dead host", "silent host", "broken host", "host goes away", "host goes silent", "host breaks",
    "process dies online", "process dies offline", "host away at the end",
)  # fmt: skip
MOST_SECONDS = 30.0


def environment(folder: Path, url: str) -> dict[str, str]:
    """Return an environment in which W&B keeps to `folder` and talks to `url`."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("WANDB_")}
    homes = {f"WANDB_{name}_DIR": str(folder / "home") for name in ("DATA", "CACHE", "CONFIG")}
    return {**kept, **homes, "WANDB_BASE_URL": url, "OMP_NUM_THREADS": "1", "NETRC": str(folder / "netrc")}


def start(folder: Path, env: dict[str, str], *flags: str) -> subprocess.Popen[bytes]:
    """Begin a run of some 200 steps."""
    with (folder / "out").open("wb") as out:
        return subprocess.Popen(
            [sys.executable, str(PROJECT / "train.py"), "fit", "--name", "mine", *own_table(folder),
             "--data.batch_size", "1", "--trainer.max_epochs", "20", *flags],
            cwd=folder, env=env, stdout=out, stderr=subprocess.STDOUT,
        )  # fmt: skip


def wait_for_rows(folder: Path, process: subprocess.Popen[bytes], rows: int) -> None:
    """Wait until metrics.csv has so many lines."""
    path, deadline = folder / "runs" / "mine" / "metrics.csv", time.monotonic() + 120
    while not path.is_file() or path.read_bytes().count(b"\n") < rows:
        assert process.poll() is None, (folder / "out").read_text()[-2000:]
        assert time.monotonic() < deadline, "nothing was logged"
        time.sleep(0.05)


def hurt(case: str, fake: FakeWandb, mark: dict[str, str]) -> None:
    """Do what the case says, in the middle of the run."""
    if case == "host goes away" or case == "host away at the end":
        fake.go_away()
    elif case == "host goes silent":
        fake.mode = "silent"
    elif case == "host breaks":
        fake.mode = "broken"
    elif case.startswith("process dies"):
        [core] = [pid for pid, words in find(mark).items() if "wandb-core" in words]
        os.kill(core, signal.SIGKILL)


def check_sent_later(folder: Path) -> None:
    """Fail unless `wandb sync` brings a living host every val/loss of metrics.csv."""
    logged = [float(row["val/loss"]) for row in read_csv(folder / "runs/mine/metrics.csv") if row["val/loss"]]
    assert len(logged) == 20
    with fake_wandb() as fake:
        env = {**environment(folder, fake.url), "WANDB_API_KEY": KEY}
        for run in sorted((folder / "runs/mine/wandb").glob("*run-2*")):
            synced = subprocess.run(
                [sys.executable, "-m", "wandb", "sync", "--include-synced", "--no-skip-online", str(run)],
                cwd=folder, env=env, capture_output=True, text=True, timeout=120, check=False,
            )  # fmt: skip
            assert synced.returncode == 0, synced.stdout + synced.stderr
        sent = {round(line["val/loss"], 5) for line in fake.history if "val/loss" in line}
    missing = [value for value in logged if round(value, 5) not in sent]
    assert len(missing) <= 1, f"{len(missing)} of {len(logged)} never reached the host"


def check_survives(folder: Path, case: str, end_s: float) -> None:
    """Fail unless a run completes, ends in `end_s` after its last weights, leaves no process, and can be sent later."""
    folder.mkdir()
    mark = new_mark()
    with fake_wandb() as fake:
        url = "http://127.0.0.1:9" if case == "dead host" else fake.url
        env = {**environment(folder, url), **mark} | ({} if case == "no key" else {"WANDB_API_KEY": KEY})
        fake.mode = {"silent host": "silent", "broken host": "broken"}.get(case, "answers")
        begun = time.monotonic()
        process = start(folder, env, *(["--wandb.offline", "true"] if case.endswith("offline") else []))
        try:
            wait_for_rows(folder, process, 200 if case.endswith("end") else 60)
            to_open = time.monotonic() - begun
            hurt(case, fake, mark)
            path = folder / "runs" / "mine" / "checkpoints" / "last.ckpt"
            code = process.wait(240)
        finally:
            process.kill()
        ended = time.time() - path.stat().st_mtime  # since the last weights
        left = wait_until_gone(mark, 120)
    said = (folder / "out").read_text()
    assert code == 0, said[-3000:]
    assert ended < end_s, f"the end took {ended:.0f} s"
    assert to_open < 120
    assert not left, left
    assert "W&B" in said or "wandb" in said
    check_sent_later(folder)


@pytest.mark.slow  # by default the logger's tests have hosts that are dead or break
def test_training_completes_when_its_wandb_host_goes_away(tmp_path: Path) -> None:
    check_survives(tmp_path / "run", "host goes away", end_s=240)


@pytest.mark.stress
def test_training_completes_whatever_happens_to_wandb(
    tmp_path: Path, record_tries: Callable[..., None]
) -> None:
    record_tries(
        9, "W&B without key, host or process: training completes, and can be sent later", CASES,
        lambda case: check_survives(tmp_path / case.replace(" ", "_"), case, MOST_SECONDS),
        ", ".join(CASES),
    )  # fmt: skip
