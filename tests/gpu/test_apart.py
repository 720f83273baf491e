from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from tests.gpu.apart import CutShort, run_apart
from tests.gpu.place import Place, Result


def counts(place: Place) -> Iterator[Result]:
    os.write(1, b"a line that no terminal shows")
    yield {"what": "one", "pid": os.getpid()}
    yield {"what": "two"}


def hangs(place: Place) -> Iterator[Result]:
    child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
    yield {"what": "begun", "pid": child.pid}
    time.sleep(600)


def fails(place: Place) -> Iterator[Result]:
    yield {"what": "one"}
    raise ValueError("expected a card")


def dies(place: Place) -> Iterator[Result]:
    yield {"what": "one"}
    os.kill(os.getpid(), signal.SIGKILL)


def take(run: object, folder: Path, seconds: float = 60) -> tuple[list[Result], str]:
    """Return what comes before the end, and the reason of the end."""
    found: list[Result] = []
    try:
        for result in run_apart(run, Place("cpu", folder), seconds):  # type: ignore[arg-type]
            found.append(result)  # noqa: PERF402  what came before an error counts
    except CutShort as error:
        return found, str(error)
    return found, "done"


def test_results_come_from_another_process_and_its_output_goes_to_a_file(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    [one, two], end = take(counts, tmp_path)
    assert (one["what"], two["what"], end) == ("one", "two", "done")
    assert one["pid"] != os.getpid()
    assert capfd.readouterr().out == ""
    assert "a line that no terminal shows" in (tmp_path / "log.txt").read_text()


def test_what_takes_too_long_is_killed_with_all_that_it_started(tmp_path: Path) -> None:
    [begun], end = take(hangs, tmp_path, seconds=5)
    assert end == "past its limit of 5 s"
    for _ in range(100):  # killed, but not yet waited for by whoever inherits it
        with suppress(FileNotFoundError):
            if Path(f"/proc/{begun['pid']}/stat").read_text().rpartition(")")[2].split()[0] != "Z":
                time.sleep(0.1)
                continue
        return
    pytest.fail("the process that it started still runs")


@pytest.mark.parametrize(
    ("run", "reason"), [(fails, "ValueError: expected a card"), (dies, "died with code -9")]
)
def test_what_ends_early_keeps_its_results_and_says_why(run: object, reason: str, tmp_path: Path) -> None:
    found, end = take(run, tmp_path)
    assert [line["what"] for line in found] == ["one"]
    assert reason in end
