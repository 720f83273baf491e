from __future__ import annotations

import contextlib
import os
import pickle
import signal
import subprocess
import sys
import textwrap
import threading
import time
from pathlib import Path

import pytest

from datamodules.notations import smiles
from datamodules.workers.guarded_worker import GuardedWorker, Result
from tests.helpers.processor_time import processor_seconds
from tests.helpers.runs import PROJECT

ETHANOL = ("OCC", "CCO")
SAME = {"string": False, "canonical": True, "inchikey": True, "connectivity": True}


def _pid(worker: GuardedWorker) -> int:
    assert worker._process is not None
    return worker._process.pid


def _is_gone(pid: int) -> bool:
    """Whether a process has ended and been reaped."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return True
    with contextlib.suppress(OSError):  # an orphan that nobody reaped is a zombie: ended all the same
        if _stat(pid)[0] == "Z":
            return pid not in _children()
    return False


def _ends(pid: int, processor_s: float = 10.0) -> bool:
    """Whether a process ends before it has taken so much processor time; in two minutes at most."""
    deadline, used = time.monotonic() + 120, 0.0
    while not _is_gone(pid) and used < processor_s and time.monotonic() < deadline:
        with contextlib.suppress(OSError):
            used = sum(map(int, _stat(pid)[11:13])) / os.sysconf("SC_CLK_TCK")  # utime and stime
        time.sleep(0.02)
    return _is_gone(pid)


def _stat(pid: int) -> list[str]:
    """What Linux tells of a process, from its state on."""
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()


def _children() -> set[int]:
    """Pids of this process's children, zombies among them."""
    return {int(pid) for pid in Path(f"/proc/self/task/{os.getpid()}/children").read_text().split()}


def _run_script(code: str, **options: object) -> str:
    """Run Python code in a fresh process and return what it wrote."""
    command = [sys.executable, "-c", textwrap.dedent(code)]
    done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=120, **options)  # type: ignore[call-overload]
    assert done.stderr == ""
    return str(done.stdout)


def test_guarded_worker_starts_when_asked_and_again_after_close() -> None:
    worker = GuardedWorker()
    assert worker._process is None
    worker.close()  # nothing to close
    assert worker.map("smiles", "same", [ETHANOL]) == [(SAME, None)]
    pid = _pid(worker)
    worker.map("smiles", "same", [ETHANOL])
    assert _pid(worker) == pid
    worker.close()
    worker.close()
    assert _is_gone(pid)  # ended and reaped when close returns
    assert worker.map("smiles", "same", [ETHANOL]) == [(SAME, None)]
    worker.close()


@pytest.mark.pitfall(16)
def test_a_slow_call_is_killed_and_the_others_are_answered(slow_molecule: str) -> None:
    slow, quick = (slow_molecule, "CCO"), ("CCN", "CCO")
    assert len(slow_molecule) < 1000
    assert smiles.is_valid(slow_molecule)
    expected = Result(smiles.similarity(*quick), None)
    with GuardedWorker(timeout_s=0.7) as worker:
        worker.map("smiles", "similarity", [quick])
        pid = _pid(worker)
        start = processor_seconds()
        results = worker.map("smiles", "similarity", [quick, slow, quick, quick, slow])
        assert processor_seconds() - start < 15  # two of these take a minute
        timeout = Result(None, "timeout")
        assert results == [expected, timeout, expected, expected, timeout]
        assert _is_gone(pid)
        assert worker.map("smiles", "similarity", [quick]) == [expected]


@pytest.mark.pitfall(16)
def test_asked_together_a_slow_call_is_killed_and_the_others_are_answered(slow_molecule: str) -> None:
    expected = smiles.similarity("CCN", "CCO")
    with GuardedWorker(timeout_s=0.7) as worker:
        predictions = ["CCN", slow_molecule, "CCN", "C1CC"]
        values, errors = worker.map_together("smiles", "similarity", [predictions, ["CCO", "CCO", "CCO", ""]])
        assert values == [expected, None, expected, None]
        assert errors == {1: "timeout", 3: "ValueError: empty"}
        assert worker.map_together("smiles", "similarity", [["CCN"], ["CCO"]]) == ([expected], {})


def test_timeout_does_not_count_time_between_calls() -> None:
    with GuardedWorker(timeout_s=0.5) as worker:
        assert worker.map("text", "is_valid", [("a",)]) == [(True, None)]
        pid = _pid(worker)
        time.sleep(0.7)
        assert worker.map("text", "is_valid", [("a",)]) == [(True, None)]
        assert _pid(worker) == pid  # the alarm was disarmed


def test_a_child_killed_in_a_call_costs_that_call(slow_molecule: str) -> None:
    with GuardedWorker(timeout_s=60) as worker:
        worker.map("smiles", "is_valid", [("C",)])
        pid = _pid(worker)
        killer = threading.Timer(0.5, os.kill, (pid, signal.SIGKILL))
        killer.start()
        results = worker.map("smiles", "similarity", [("C", "C"), (slow_molecule, "C"), ("C", "C")])
        killer.join()
        ones = {"morgan": 1.0, "maccs": 1.0, "rdk": 1.0}
        assert results == [(ones, None), (None, "crashed"), (ones, None)]
        assert _pid(worker) != pid


def test_a_child_killed_while_idle_costs_nothing(worker: GuardedWorker) -> None:
    for _ in range(3):
        worker.map("smiles", "same", [ETHANOL])
        assert worker._process is not None
        os.kill(worker._process.pid, signal.SIGKILL)
        worker._process.wait()
        assert worker.map("smiles", "same", [ETHANOL] * 600) == [(SAME, None)] * 600


def test_a_pickled_copy_starts_its_own_child(worker: GuardedWorker) -> None:
    worker.timeout_s = 1.5
    worker.map("smiles", "same", [ETHANOL])
    with pickle.loads(pickle.dumps(worker)) as copy:
        assert copy.timeout_s == 1.5
        assert copy.map("smiles", "same", [ETHANOL]) == [(SAME, None)]
        assert _pid(copy) != _pid(worker)


def test_a_dropped_worker_leaves_no_child() -> None:
    worker = GuardedWorker()
    worker.map("text", "is_valid", [("a",)])
    pid = _pid(worker)
    del worker
    assert _ends(pid)


@pytest.mark.parametrize("ending", ["pass", "raise SystemExit(0)", "os.kill(os.getpid(), signal.SIGKILL)"])
def test_no_child_outlives_its_parent(ending: str) -> None:
    code = f"""
        import os, signal, sys
        from datamodules.workers.guarded_worker import GuardedWorker
        worker = GuardedWorker()
        worker.map("text", "is_valid", [("a",)])
        print(worker._process.pid, flush=True)
        {ending}
    """
    process = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(code)],
        stdout=subprocess.PIPE,
        text=True,
        check=False,
        timeout=120,
    )
    assert _ends(int(process.stdout))


@pytest.mark.pitfall(16)
def test_a_busy_child_outlives_its_parent_by_the_timeout_at_most(slow_molecule: str) -> None:
    code = f"""
        import os, signal, threading
        from datamodules.workers.guarded_worker import GuardedWorker
        worker = GuardedWorker(timeout_s=2.0)
        worker.map("text", "is_valid", [("a",)])
        print(worker._process.pid, flush=True)
        threading.Timer(0.7, os.kill, (os.getpid(), signal.SIGKILL)).start()
        worker.map("smiles", "similarity", [({slow_molecule!r}, "C")])
    """
    process = subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(code)], stdout=subprocess.PIPE, text=True
    )
    with process:
        assert process.stdout is not None
        pid = int(process.stdout.readline())
    assert process.returncode == -signal.SIGKILL
    assert _ends(pid)


def test_guarded_worker_ignores_misleading_modules_of_the_working_folder(tmp_path: Path) -> None:
    for name in ("json.py", "selfies.py", "rdkit.py", "signal.py"):
        (tmp_path / name).write_text("raise ImportError('the wrong file')")
    (tmp_path / "datamodules").mkdir()
    (tmp_path / "datamodules" / "__init__.py").write_text("raise ImportError('the wrong package')")
    code = f"""
        import os, sys
        sys.path[0] = {str(PROJECT)!r}
        from datamodules.workers.guarded_worker import GuardedWorker
        os.chdir({str(tmp_path)!r})
        with GuardedWorker() as worker:
            print(worker.map("smiles", "normalize", [("OCC",)])[0].value)
    """
    assert _run_script(code) == "CCO\n"


def test_a_forked_process_starts_its_own_child() -> None:
    code = """
        import gc, os, sys
        from datamodules.workers.guarded_worker import GuardedWorker
        worker = GuardedWorker()
        worker.map("text", "is_valid", [("a",)])
        first = worker._process.pid
        forked = os.fork()
        if forked == 0:
            answers = worker.map("smiles", "normalize", [("OCC",)] * 300)
            assert [answer.value for answer in answers] == ["CCO"] * 300
            assert worker._process.pid != first
            worker.close()
            worker.close()
            del worker
            gc.collect()
            sys.exit(0)  # its exit handlers leave the first child alone
        assert os.waitpid(forked, 0)[1] == 0
        idle = os.fork()
        if idle == 0:
            worker.close()  # not its own
            sys.exit(0)
        assert os.waitpid(idle, 0)[1] == 0
        assert worker.map("smiles", "normalize", [("OCC",)])[0].value == "CCO"
        assert worker._process.pid == first
        worker.close()
        print("done")
    """
    assert _run_script(code) == "done\n"
