"""Real processes, but no training: that is tests/stress."""

from __future__ import annotations

import multiprocessing
import os
import re
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch.distributed
from lightning.pytorch.strategies.launchers import subprocess_script

from cli import rank_watchdog
from cli.rank_watchdog import FIRST_RANK_VARIABLE, broke_communication, describe_end, end_together
from tests.helpers.runs import PROJECT

ENDS = {"PEER_SECONDS": 100, "FIRST_WORD_SECONDS": 1, "END_SECONDS": 2}


def be_rank_0(folder: Path, own: Callable[[], Any], commands: tuple[str, ...]) -> None:
    """Start the other ranks as Lightning's launcher does (here a shell command each), then do the own work."""
    for name, value in ENDS.items():
        setattr(rank_watchdog, name, value)
    for number, name in ((1, "out"), (2, "err")):
        os.dup2(os.open(folder / name, os.O_WRONLY | os.O_CREAT), number)
    sys.stderr = os.fdopen(2, "w", buffering=1)
    with end_together():
        children = [subprocess.Popen(["bash", "-c", command]) for command in commands]
        os.write(1, " ".join(str(child.pid) for child in children).encode())
        subprocess_script._launch_process_observer(children)
        own()


def run(folder: Path, own: Callable[[], Any], *commands: str) -> tuple[int | None, str, list[int]]:
    """Return exit code and standard error of rank 0, and the process ids of the others."""
    process = multiprocessing.get_context("fork").Process(target=be_rank_0, args=(folder, own, commands))
    process.start()
    process.join(120)
    pids = [int(pid) for pid in (folder / "out").read_text().split()]
    return process.exitcode, (folder / "err").read_text(), pids


def fail(error: BaseException) -> None:
    raise error


def wait_and_leave() -> None:
    time.sleep(1.2)
    sys.exit(143)


def is_alive(pid: int) -> bool:
    return Path(f"/proc/{pid}").is_dir()


GLOO = "[../third_party/gloo/gloo/transport/tcp/pair.cc:534] Connection closed by peer [127.0.0.1]:1"


@pytest.mark.parametrize(
    ("own", "commands", "code", "message"),
    [
        (partial(time.sleep, 600), ("sleep 600", "kill -9 $$"), 1, r"rank 2 \(process \d+\) was killed by SIGKILL"),
        (partial(time.sleep, 600), ("exit 7", "sleep 600"), 1, r"rank 1 \(process \d+\) failed with exit code 7"),
        (partial(fail, ValueError("mine")), ("sleep 600", "sleep 600"), 1, "Traceback(.|\n)*ValueError: mine"),
        (partial(fail, RuntimeError(GLOO)), ("sleep 0.3; exit 3",), 1, "^error: rank 1 .* failed with exit code 3"),
        (wait_and_leave, ("exit 143", "sleep 600"), 143, "^$"),
        (partial(time.sleep, 0), ("sleep 1", "true"), 0, "^$"),
        (partial(time.sleep, 0), ("sleep 600",), 0, "^$"),
        (partial(time.sleep, 0), ("sleep 1; exit 5",), 1, "rank 1 .* failed with exit code 5"),
    ],
)  # fmt: skip
def test_ranks_do_not_outlive_each_other(
    tmp_path: Path, own: Callable[[], Any], commands: tuple[str, ...], code: int, message: str
) -> None:
    returned, said, pids = run(tmp_path, own, *commands)
    assert returned == code, said
    assert len(pids) == len(commands)
    assert not any(is_alive(pid) for pid in pids)
    assert re.search(message, said)
    assert len(said.splitlines()) <= 1 or "mine" in said


@pytest.fixture
def other_rank(tmp_path: Path) -> Iterator[subprocess.Popen[str]]:
    """Rank 1 of a first rank that is a shell; both print their process ids."""
    script = tmp_path / "rank.py"
    script.write_text(
        f"import sys, time, os; sys.path.insert(0, {str(PROJECT)!r})\n"
        "from cli.rank_watchdog import end_together\n"
        "with end_together():\n    print(os.getpid(), flush=True); time.sleep(50)\n"
    )
    shell = f"echo $$; {FIRST_RANK_VARIABLE}=$$ LOCAL_RANK=1 {sys.executable} {script}; true"
    process = subprocess.Popen(
        ["bash", "-c", shell], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    yield process
    process.kill()
    process.wait()


def test_rank_ends_when_rank_0_is_killed(other_rank: subprocess.Popen[str]) -> None:
    assert other_rank.stdout is not None
    assert other_rank.stderr is not None
    first, pid = int(other_rank.stdout.readline()), int(other_rank.stdout.readline())
    os.kill(first, 9)
    assert f"error: rank 0 (process {first}) has died" in other_rank.stderr.read()  # until it has ended
    deadline = time.monotonic() + 120
    while is_alive(pid) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not is_alive(pid)


def test_environment_is_restored_after_end_together(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(FIRST_RANK_VARIABLE, raising=False)
    with end_together():
        assert os.environ[FIRST_RANK_VARIABLE] == str(os.getpid())
    assert FIRST_RANK_VARIABLE not in os.environ


def test_single_process_does_not_wait_for_other_ranks(monkeypatch: pytest.MonkeyPatch) -> None:
    waits: list[float] = []
    monkeypatch.setattr(rank_watchdog, "time", SimpleNamespace(sleep=waits.append))
    with pytest.raises(RuntimeError, match="gloo"), end_together():
        raise RuntimeError("gloo: connection reset")
    assert sum(waits) < 1


@pytest.mark.parametrize(
    ("error", "broke"),
    [
        (RuntimeError("[.../gloo/transport/tcp/pair.cc:534] Connection closed by peer [127.0.0.1]:1"), True),
        (torch.distributed.DistBackendError("NCCL error"), True),
        (torch.distributed.DistNetworkError("recv"), True),
        (RuntimeError("mat1 and mat2 shapes cannot be multiplied"), False),
        (ValueError("Connection closed by peer"), False),
    ],
)
def test_broke_communication_tells_errors_of_communication_from_others(error: Exception, broke: bool) -> None:
    assert broke_communication(error) == broke


def test_describe_end_is_one_line() -> None:
    process = subprocess.Popen(["bash", "-c", "kill -SEGV $$"])
    process.wait()
    end = f"rank 3 (process {process.pid}) was killed by SIGSEGV"
    assert describe_end(3, process) == f"error: {end}. All ranks are stopped.\n"
    assert rank_watchdog.POLL_SECONDS < 5  # Lightning's observer would look every 5 s


def meet_nobody(first: int) -> None:
    """Be rank 1, and wait for a rank 0 that never opens the port."""
    os.environ.update({FIRST_RANK_VARIABLE: str(first), "LOCAL_RANK": "1"})
    with end_together():
        torch.distributed.TCPStore("127.0.0.1", 9, world_size=2, is_master=False)


def start_rank_1(pipe: Any) -> None:
    child = multiprocessing.get_context("fork").Process(target=meet_nobody, args=(os.getpid(),))
    child.start()
    pipe.send(child.pid)
    time.sleep(60)


def test_rank_does_not_wait_at_the_store_for_a_killed_rank_0() -> None:
    """The store alone would wait for minutes."""
    context = multiprocessing.get_context("fork")
    ours, theirs = context.Pipe()
    first = context.Process(target=start_rank_1, args=(theirs,))
    first.start()
    pid = ours.recv()
    time.sleep(1)
    assert is_alive(pid), "it waits"
    first.kill()
    deadline = time.monotonic() + 120
    while is_alive(pid) and "State:\tZ" not in Path(f"/proc/{pid}/status").read_text():
        assert time.monotonic() < deadline, "it still waits"
        time.sleep(0.1)
