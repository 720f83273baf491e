from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from cli.improving import fitting
from cli.improving.fitting import choose_words, fit_round, run_fit, wait_for_end
from cli.run.claim import FILE, describe_self


def test_a_run_is_begun_once_and_then_gone_on_with(tmp_path: Path) -> None:
    run = tmp_path / "x-1"
    assert choose_words(run, Path("fit.yaml"), ["--data.batch_size", "4"]) == [
        "fit", "--config", "fit.yaml", "--name", "x-1", "--data.batch_size", "4",
    ]  # fmt: skip
    run.mkdir()
    (run / "config.yaml").touch()
    assert choose_words(run, Path("fit.yaml"), ["--data.batch_size", "4"])[3:] == ["--ckpt_path", "last"]


def test_a_fit_that_fails_or_exports_nothing_is_told_in_one_line(tmp_path: Path) -> None:
    with pytest.raises(
        ValueError, match=r"The fit of .*x-1 ended with status 143; .* The same command goes on with it\."
    ):
        fit_round(tmp_path / "x-1", Path("fit.yaml"), [], lambda words: 143)
    with pytest.raises(
        ValueError,
        match=r"to export its weights to hf/, but it did not: fit\.yaml lacks the callback HFExport",
    ):
        fit_round(tmp_path / "x-1", Path("fit.yaml"), [], lambda words: 0)


def test_the_fit_that_a_killed_command_left_behind_is_waited_for(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    child = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    holder = describe_self(["fit"])
    from cli.run.claim import find_start

    holder |= {"pid": child.pid, "started": find_start(child.pid)}
    (tmp_path / FILE).write_text(json.dumps(holder))

    def end(seconds: float) -> None:
        child.kill()
        child.wait()

    wait_for_end(tmp_path, end)
    assert f"is being fitted by process {child.pid} of an earlier command" in capsys.readouterr().err
    wait_for_end(tmp_path, lambda seconds: pytest.fail("waits for a process that has ended"))
    wait_for_end(tmp_path / "missing", lambda seconds: pytest.fail("waits for nothing"))


def test_a_process_of_its_own_runs_the_words_and_gets_sigterm(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fitting, "PROJECT", tmp_path)
    script = "import os, signal, sys, time\nopen(sys.argv[1], 'w').close()\ntime.sleep(float(sys.argv[2]))\nsys.exit(7)\n"
    (tmp_path / "train.py").write_text(script)
    mark, outer = tmp_path / "begun", signal.getsignal(signal.SIGTERM)
    assert run_fit([str(mark), "0"]) == 7
    mark.unlink()
    watcher = subprocess.Popen(
        ["sh", "-c", f"while [ ! -e {mark} ]; do sleep 0.05; done; kill -TERM {os.getpid()}"]
    )
    began = time.monotonic()
    assert run_fit([str(mark), "100"]) == -signal.SIGTERM
    assert time.monotonic() - began < 60
    watcher.wait()
    assert signal.getsignal(signal.SIGTERM) is outer


def test_a_signal_that_another_thread_gets_reaches_the_process(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Python runs handlers in the main thread, which a wait without a limit does not leave for it."""
    monkeypatch.setattr(fitting, "PROJECT", tmp_path)
    script = "import sys, time\nopen(sys.argv[1], 'w').close()\ntime.sleep(50)\nsys.exit(7)\n"
    (tmp_path / "train.py").write_text(script)
    mark = tmp_path / "begun"

    def take_signal() -> None:
        while not mark.exists():
            time.sleep(0.05)
        time.sleep(0.2)  # the main thread waits by then
        signal.pthread_kill(threading.get_ident(), signal.SIGTERM)

    thread = threading.Thread(target=take_signal)
    thread.start()
    assert run_fit([str(mark)]) == -signal.SIGTERM
    thread.join()


@pytest.mark.parametrize("before", [signal.SIG_IGN, signal.SIG_DFL])
def test_sigterm_while_the_process_begins_reaches_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, before: signal.Handlers
) -> None:
    """One that came between the two was lost, and one that the caller ignores was ignored by the fit, too."""
    monkeypatch.setattr(fitting, "PROJECT", tmp_path)
    (tmp_path / "train.py").write_text("import sys, time\ntime.sleep(50)\nsys.exit(7)\n")
    begin = subprocess.Popen

    def begin_late(words: list[str]) -> subprocess.Popen[bytes]:
        os.kill(os.getpid(), signal.SIGTERM)
        return begin(words)

    monkeypatch.setattr(fitting.subprocess, "Popen", begin_late)
    outer = signal.signal(signal.SIGTERM, before)
    try:
        assert run_fit([]) == -signal.SIGTERM
        assert signal.getsignal(signal.SIGTERM) is before
    finally:
        signal.signal(signal.SIGTERM, outer)
