from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import NoReturn

import pytest

from callbacks.run.stop_signals import Stopped, StopSignals, requeue_slurm_job
from tests.helpers.runs import PROJECT


def stop(signum: int) -> NoReturn:
    raise Stopped(128 + signum)


@pytest.fixture
def signals() -> Iterator[StopSignals]:
    """Signals of this process, with its own handlers put back at the end."""
    before = {signum: signal.getsignal(signum) for signum in (signal.SIGTERM, signal.SIGINT, signal.SIGUSR1)}
    yield StopSignals(stop)
    for signum, handler in before.items():
        signal.signal(signum, handler)


@pytest.mark.parametrize("signum", [signal.SIGTERM, signal.SIGINT, signal.SIGUSR1])
def test_a_signal_stops_at_once_where_nothing_is_to_be_saved(signals: StopSignals, signum: int) -> None:
    signals.install([], [signal.SIGUSR1])
    with pytest.raises(SystemExit) as stopped:
        signal.raise_signal(signum)
    assert stopped.value.code == 128 + signum


def test_a_signal_is_noted_where_something_is_and_the_first_counts(signals: StopSignals) -> None:
    signals.install([])
    signals.immediate = False
    signal.raise_signal(signal.SIGTERM)
    signals.immediate = True
    signal.raise_signal(signal.SIGINT)
    assert signals.received == signal.SIGTERM


def test_the_other_ranks_are_told(signals: StopSignals) -> None:
    other = subprocess.Popen(["sleep", "600"])
    gone = subprocess.Popen(["true"])
    gone.wait()
    signals.install([gone.pid, other.pid])
    signals.immediate = False
    signal.raise_signal(signal.SIGTERM)
    assert other.wait(120) == -signal.SIGTERM


@pytest.mark.parametrize(("signum", "code"), [(signal.SIGTERM, -signal.SIGTERM), (signal.SIGINT, 0)])
def test_a_forked_child_neither_tells_nor_saves(signals: StopSignals, signum: int, code: int) -> None:
    signals.install([os.getpid()])
    pid = os.fork()
    if not pid:
        signal.raise_signal(signum)
        os._exit(0)
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == code
    assert not signals.received


def test_handlers_are_put_back_unless_the_process_is_about_to_end(signals: StopSignals) -> None:
    before = signal.getsignal(signal.SIGTERM)
    signals.install([])
    signals.install([])
    signals.restore()
    assert signal.getsignal(signal.SIGTERM) is before
    signals.install([])
    signals.immediate = False
    signal.raise_signal(signal.SIGTERM)
    signals.restore()
    signal.raise_signal(signal.SIGTERM)  # pytest lives on


def test_a_process_that_hangs_is_ended() -> None:
    code = (
        "import time; from callbacks.run.stop_signals import exit_soon; exit_soon(143, 0.2); time.sleep(600)"
    )
    assert (
        subprocess.run([sys.executable, "-c", code], cwd=PROJECT, timeout=120, check=False).returncode == 143
    )


@pytest.mark.parametrize(
    ("status", "answer"),
    [(0, "job 7_3 is requeued"), (1, "failed with status 1"), (None, "could not be run")],
)
def test_slurm_is_asked_for_the_tasks_own_job(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, status: int | None, answer: str
) -> None:
    for name, value in {"JOB_ID": "12", "ARRAY_JOB_ID": "7", "ARRAY_TASK_ID": "3"}.items():
        monkeypatch.setenv(f"SLURM_{name}", value)
    if status is not None:
        (tmp_path / "scontrol").write_text(f'#!/bin/sh\necho "$@" > {tmp_path}/asked\nexit {status}\n')
        (tmp_path / "scontrol").chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:/bin:/usr/bin")
    assert answer in requeue_slurm_job()
    if status is not None:
        assert (tmp_path / "asked").read_text() == "requeue 7_3\n"
