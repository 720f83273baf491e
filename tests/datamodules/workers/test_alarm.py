from __future__ import annotations

import os
import signal
import subprocess
import sys
import time

import pytest

from datamodules.workers import alarm
from tests.helpers.runs import PROJECT

CHILD = """
import sys, time
from datamodules.workers import alarm
alarm.HAS_ALARM = sys.argv[1] == "kernel"
alarm.prepare()
for _ in range(3):
    alarm.set_alarm(0.2, 1)
    alarm.stop_alarm()
time.sleep(0.4)
print("alive", flush=True)
alarm.set_alarm(0.2, 1)
time.sleep(60)
"""


@pytest.mark.parametrize("kind", ["kernel", "thread"])
def test_an_alarm_ends_the_process_unless_it_is_stopped(kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    began = time.monotonic()
    child = subprocess.run(
        [sys.executable, "-c", CHILD, kind], cwd=PROJECT, stdout=subprocess.PIPE, text=True
    )
    assert time.monotonic() - began < 50
    first, _, rest = child.stdout.partition("\n")
    assert first == "alive"
    last = rest.partition("\n")[0]
    assert not alarm.is_answer(last + "\n" if last else "")
    monkeypatch.setattr(alarm, "HAS_ALARM", kind == "kernel")
    assert alarm.was_alarm(last, child.returncode)


def test_a_crash_is_no_alarm() -> None:
    assert not alarm.was_alarm("", -signal.SIGSEGV)
    assert not alarm.was_alarm("", 1)
    assert not alarm.was_alarm('["half', 0)


def test_a_slow_molecule_is_a_timeout_on_windows(slow_molecule: str) -> None:
    code = (
        "import sys\nfrom datamodules.workers import alarm\nfrom datamodules.workers.guarded_worker import GuardedWorker\n"
        "assert not alarm.HAS_ALARM\n"
        "with GuardedWorker(timeout_s=0.7) as worker:\n"
        "    pairs = [('C', 'C'), (sys.argv[1], 'C'), ('C', 'C')]\n"
        "    print([result.error for result in worker.map('smiles', 'similarity', pairs)])\n"
        "    print(worker.map_together('smiles', 'similarity', [['C', sys.argv[1]], ['C', 'C']])[1])\n"
    )
    environment = {**os.environ, "PYTHONPATH": str(PROJECT / "tests" / "helpers" / "windows")}
    result = subprocess.run(
        [sys.executable, "-c", code, slow_molecule],
        cwd=PROJECT,
        env=environment,
        capture_output=True,
        text=True,
    )
    assert result.returncode == 0, result.stderr
    assert result.stdout.splitlines() == ["[None, 'timeout', None]", "{1: 'timeout'}"]
