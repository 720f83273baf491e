from __future__ import annotations

import os
import subprocess
import tempfile
import time
from pathlib import Path

import pytest

from tests.stress import soak
from tests.stress.processes import find, new_mark, wait_until_gone


def test_soak_sees_what_a_run_leaves_behind(tmp_path: Path) -> None:
    before = soak.left_behind(tmp_path)
    (tmp_path / "torchinductor_me").mkdir()
    assert soak.left_behind(tmp_path) == before
    (tmp_path / "pymp-1").mkdir()
    with tempfile.NamedTemporaryFile(dir="/dev/shm", prefix="torch_") as file:
        after = soak.left_behind(tmp_path)
    assert after["temporary files"] == {"pymp-1"}
    assert Path(file.name).name in after["/dev/shm"] - before["/dev/shm"]


def test_process_is_found_by_its_mark_when_its_parent_is_gone() -> None:
    mark = new_mark()
    subprocess.run(["bash", "-c", "sleep 30 &"], env={**os.environ, **mark}, check=True)
    deadline = time.monotonic() + 20
    while list(find(mark).values()) != ["sleep 30"] and time.monotonic() < deadline:
        time.sleep(0.05)  # bash has not become sleep yet
    [(pid, words)] = wait_until_gone(mark, 0.5).items()
    assert words == "sleep 30"
    assert soak.peak_memory(pid) > 0
    os.kill(pid, 9)
    assert wait_until_gone(mark, 10) == {}
    assert soak.peak_memory(pid) == 0


@pytest.mark.parametrize(
    ("peaks", "wrong", "failed"),
    [([100, 100, 104], [], 0), ([100, 100, 130], [], 1), ([100, 100, 100], ["processes {1: 'x'}"], 3)],
)
def test_soak_counts_unclean_rounds_and_growth(
    monkeypatch: pytest.MonkeyPatch, peaks: list[int], wrong: list[str], failed: int
) -> None:
    rounds, lines = iter(peaks), []
    clock = iter(range(1000))
    monkeypatch.setattr(soak, "run_round", lambda *_, **__: (wrong, next(rounds)))
    monkeypatch.setattr(soak, "record", lambda *line, **_: lines.append(line))
    monkeypatch.setattr(soak.time, "monotonic", lambda: next(clock))
    assert soak.main(3.5 / 60) == failed
    assert lines[0][2:4] == (3, 3 - failed)
