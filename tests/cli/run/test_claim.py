"""Claims of real processes: who holds a folder, and what is left after kill -9."""

from __future__ import annotations

import errno
import json
import os
import re
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from cli.run import claim
from cli.run.claim import FILE, Claim, describe_self, find_start, read_holder
from tests.helpers.runs import PROJECT

HOLD = """
import os, sys, time
from pathlib import Path
from cli.run import claim
claim.BEAT_SECONDS = 0.1
with claim.Claim(Path(sys.argv[1]), claim.describe_self(sys.argv[2:])):
    {inside}
    print(os.getpid(), flush=True)
    time.sleep(600)
"""
Hold = Callable[..., "subprocess.Popen[str]"]


@pytest.fixture
def hold(tmp_path: Path) -> Iterator[Hold]:
    """Start processes that hold a folder until they are killed."""
    started: list[subprocess.Popen[str]] = []

    def start(*words: str, inside: str = "pass", shell: bool = False) -> subprocess.Popen[str]:
        command = [sys.executable, "-c", HOLD.format(inside=inside), str(tmp_path / "run"), *words]
        if shell:
            command = ["bash", "-c", '"$@"; true', "bash", *command]
        process = subprocess.Popen(
            command, cwd=PROJECT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )
        started.append(process)
        assert process.stdout is not None
        process.holder = int(process.stdout.readline())  # type: ignore[attr-defined]
        return process

    yield start
    for process in started:
        for pid in (process.holder, process.pid):  # type: ignore[attr-defined]
            if find_start(pid) is not None:
                os.kill(pid, signal.SIGKILL)
        process.communicate()


def take(folder: Path, **more: Any) -> Claim:
    return Claim(folder, describe_self(["fit"], **more))


def await_end(pid: int) -> None:
    deadline = time.monotonic() + 120
    while find_start(pid) is not None:
        assert time.monotonic() < deadline
        time.sleep(0.05)


def test_a_held_folder_is_refused_and_its_holder_named(tmp_path: Path, hold: Hold) -> None:
    process = hold("fit", "--name", "run", "--password", "swordfish")
    expected = re.escape(
        f"by process {process.holder} on {socket.gethostname()} (fit --name run --password '(hidden)'). Wait for its end, "
        f"stop it (kill {process.holder}), or choose another --name."
    )
    with pytest.raises(ValueError, match=expected), take(tmp_path / "run"):
        pass
    assert process.poll() is None


def test_kill_9_frees_the_folder_at_once(tmp_path: Path, hold: Hold) -> None:
    process = hold()
    process.kill()
    process.wait()
    assert read_holder(tmp_path / "run" / FILE) is not None  # nobody could remove it
    with take(tmp_path / "run"):
        holder = read_holder(tmp_path / "run" / FILE)
        assert holder is not None
        assert holder["pid"] == os.getpid()


def test_an_orphan_still_holds_what_its_killed_parent_began(tmp_path: Path, hold: Hold) -> None:
    shell = hold(shell=True)
    shell.kill()
    shell.wait()
    with pytest.raises(ValueError, match=f"by process {shell.holder} on"), take(tmp_path / "run"):
        pass
    os.kill(shell.holder, signal.SIGKILL)
    await_end(shell.holder)
    with take(tmp_path / "run"):
        pass


def test_a_forked_child_does_not_hold_what_its_killed_parent_held(tmp_path: Path, hold: Hold) -> None:
    fork = "child = os.fork(); child or time.sleep(600); Path(sys.argv[1], 'child').write_text(str(child))"
    process = hold(inside=fork)
    child = int((tmp_path / "run" / "child").read_text())
    try:
        process.kill()
        process.wait()
        with take(tmp_path / "run"):
            assert find_start(child) is not None
    finally:
        os.kill(child, signal.SIGKILL)


def test_an_end_in_order_leaves_nothing_but_what_was_written(tmp_path: Path) -> None:
    with take(tmp_path / "empty"):
        assert (tmp_path / "empty" / FILE).is_file()
    with take(tmp_path / "full"):
        (tmp_path / "full" / "config.yaml").touch()
    (tmp_path / "old").mkdir()
    with take(tmp_path / "old"):
        pass
    assert [path.relative_to(tmp_path).as_posix() for path in sorted(tmp_path.rglob("*"))] == [
        "full", "full/config.yaml", "old",
    ]  # fmt: skip


@pytest.fixture
def without_locks(monkeypatch: pytest.MonkeyPatch) -> None:
    def lockf(*_: Any) -> None:
        raise OSError(errno.ENOLCK, "No locks available")

    monkeypatch.setattr(claim.fcntl, "lockf", lockf)
    monkeypatch.setattr(claim, "RETRY_SECONDS", 0.3)
    monkeypatch.setattr(claim, "SILENT_SECONDS", 2.0)


@pytest.mark.usefixtures("without_locks")
def test_without_locks_a_process_of_this_machine_holds_while_it_lives(tmp_path: Path, hold: Hold) -> None:
    process = hold()
    with pytest.raises(ValueError, match=f"by process {process.holder} on"), take(tmp_path / "run"):
        pass
    process.kill()
    process.wait()
    with take(tmp_path / "run"):
        pass


def write_claim_of_elsewhere(folder: Path, beats: int = 0, **more: Any) -> None:
    folder.mkdir(exist_ok=True)
    holder = {**describe_self(["fit"], **more), "host": "elsewhere", "beats": beats}
    handle = os.open(folder / FILE, os.O_RDWR | os.O_CREAT)
    os.pwrite(handle, json.dumps(holder).encode().ljust(4096), 0)  # at once, as a claim is written
    os.close(handle)


@pytest.mark.usefixtures("without_locks")
def test_a_claim_of_another_machine_holds_while_its_heart_beats(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    over = threading.Event()

    def beat() -> None:
        beats = 0
        while not over.wait(0.05):
            beats += 1
            write_claim_of_elsewhere(tmp_path, beats)

    write_claim_of_elsewhere(tmp_path)
    heart = threading.Thread(target=beat)
    heart.start()
    try:
        with pytest.raises(ValueError, match="on elsewhere"), take(tmp_path):
            pass
    finally:
        over.set()
        heart.join()
    assert "on elsewhere; looking for up to 2 s whether it lives" in capfd.readouterr().err
    with take(tmp_path):
        pass


@pytest.mark.usefixtures("without_locks")
def test_a_restarted_job_does_not_wait_for_what_the_cluster_has_ended(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    write_claim_of_elsewhere(tmp_path, job="7", restarts=0)
    with take(tmp_path, job="7", restarts=1):
        pass
    assert "looking" not in capfd.readouterr().err


def test_a_process_that_lost_its_claim_ends_at_once(tmp_path: Path, hold: Hold) -> None:
    process = hold()  # say it was suspended for long, and another machine took over
    deadline = time.monotonic() + 120
    while process.poll() is None:  # it may write its own once more
        assert time.monotonic() < deadline
        write_claim_of_elsewhere(tmp_path / "run")
        time.sleep(0.05)
    _, errors = process.communicate(timeout=120)
    assert process.returncode == 1
    assert re.fullmatch(r"error: \S+ is in use since .* on elsewhere .*\n", errors)


def test_a_process_id_that_another_process_got_is_not_its_holder(tmp_path: Path) -> None:
    later = {**describe_self(["fit"]), "started": "1"}
    (tmp_path / FILE).write_text(json.dumps(later))
    with take(tmp_path):
        pass


def test_the_start_of_a_process_is_found_without_proc(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(claim.sys, "platform", "win32")
    monkeypatch.setattr(claim.Path, "read_text", lambda *_, **__: (_ for _ in ()).throw(FileNotFoundError()))
    child = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    started = find_start(child.pid)
    assert started is not None
    assert find_start(child.pid) == started != find_start(os.getpid())
    child.communicate()
    assert find_start(child.pid) is None


def test_a_claim_without_the_module_of_locks_is_taken_kept_and_removed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, hold: Hold
) -> None:
    monkeypatch.setattr(claim, "fcntl", None)
    monkeypatch.setattr(claim, "RETRY_SECONDS", 0.3)
    with take(tmp_path / "own"):
        assert (tmp_path / "own" / FILE).is_file()
    assert not (tmp_path / "own").exists()
    process = hold()
    with pytest.raises(ValueError, match=f"by process {process.holder} on"), take(tmp_path / "run"):
        pass
