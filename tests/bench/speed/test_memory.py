from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from types import SimpleNamespace

import pytest

from bench.speed import memory
from bench.speed.memory import PeakMemory, family, proportional_bytes

MB = 1_000_000
# Holds 200 MB in pages of its own, forks a child that shares them and adds 100 MB, and says when that is done.
PARENT = """
import os, sys, time
held = os.urandom(200_000_000)
child = os.fork()
if child == 0:
    more = os.urandom(100_000_000)
    print("ready", flush=True)
    time.sleep(60)
    os._exit(0)
time.sleep(60)
"""


@pytest.fixture
def parent() -> Iterator[int]:
    run = subprocess.Popen([sys.executable, "-c", PARENT], stdout=subprocess.PIPE, start_new_session=True)
    assert run.stdout is not None
    assert run.stdout.readline() == b"ready\n"
    yield run.pid
    os.killpg(run.pid, 9)
    run.wait()
    run.stdout.close()


def test_memory_that_processes_share_counts_once(parent: int) -> None:
    found = family(parent)
    assert len(found) == 2
    assert found[0] == parent
    # By resident sets it would be 200 MB and 300 MB.
    assert 300 * MB < sum(map(proportional_bytes, found)) < 350 * MB


def test_peak_memory_is_the_largest_of_all_looks(parent: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(memory, "BUSY", 1e9)  # never rests
    peak = PeakMemory()
    peak.look(parent)
    first = peak.peak
    os.kill(family(parent)[1], 9)
    peak.look(parent)
    assert (peak.peak, peak.processes, peak.looks) == (first, 2, 2)
    assert 300 * MB < first < 350 * MB
    assert 200 * MB < peak.own_peak < 250 * MB


def test_peak_memory_rests_after_a_look_for_twenty_times_what_it_took(
    parent: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = iter([0.0, 1.0, 20.9, 21.1, 22.1])  # begin and end of a look, a look that is skipped, another one
    monkeypatch.setattr(memory, "time", SimpleNamespace(monotonic=lambda: next(clock)))
    peak = PeakMemory()
    peak.look(parent)
    peak.look(parent)
    assert peak.looks == 1
    peak.look(parent)
    assert peak.looks == 2


def test_memory_of_a_process_that_is_gone_is_zero() -> None:
    run = subprocess.Popen([sys.executable, "-c", ""])
    run.wait()
    assert proportional_bytes(run.pid) == 0
    assert family(run.pid) == [run.pid]
