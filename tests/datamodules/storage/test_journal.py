from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import BinaryIO

import pytest

from datamodules.storage import journal
from datamodules.storage.journal import Journal
from tests.helpers.runs import PROJECT

HEAD = {"rows": "r", "weights": "w"}


def entries(path: Path, head: dict[str, str] = HEAD) -> list[object]:
    one = Journal(path, head)
    found = [value for _, _, value in one.replay()]
    one.close()
    return found


def test_entries_are_read_by_their_places_and_again_by_the_next_process(tmp_path: Path) -> None:
    one = Journal(tmp_path / "a" / "j", HEAD)
    values = [[1, "a\udc80"], [2, {"x": None, "y": float("inf")}], [3, "é\n"]]
    places = one.append(values[:2]) + one.append(values[2:])
    assert [one.read(*place) for place in reversed(places)] == values[::-1]
    assert one.changed == []
    one.close()
    assert entries(tmp_path / "a" / "j") == values


@pytest.mark.parametrize("torn", [b"[2", b'[2, "a', b"\0\0\0\n[2]\n", b"[2]"])
def test_what_a_kill_left_behind_the_last_whole_line_is_cut_off(tmp_path: Path, torn: bytes) -> None:
    path = tmp_path / "j"
    one = Journal(path, HEAD)
    one.append([[1]])
    one.close()
    whole = path.read_bytes()
    path.write_bytes(whole + torn)
    assert entries(path) == [[1]]
    assert path.read_bytes() == whole
    one = Journal(path, HEAD)
    assert len(list(one.replay())) == 1
    one.append([[3]])
    one.close()
    assert entries(path) == [[1], [3]]


@pytest.mark.parametrize("before", [b"", b'{"ro', b'{"rows": "r"', b"\0\0\0"])
def test_a_journal_without_a_whole_head_begins_anew(tmp_path: Path, before: bytes) -> None:
    path = tmp_path / "j"
    path.write_bytes(before)
    one = Journal(path, HEAD)
    assert (one.changed, list(one.replay())) == ([], [])
    one.close()


@pytest.mark.parametrize("mine", [b"my notes", b"my notes\n", b"\xff\xfe\n", b"[]\n[1]\n", b'{"id": 1}\n'])
def test_a_file_of_the_user_is_refused_and_stays(tmp_path: Path, mine: bytes) -> None:
    path = tmp_path / "j"
    path.write_bytes(mine)
    with pytest.raises(
        ValueError, match=r"j: expected the unfinished answers .*, but it is another file: move it"
    ):
        Journal(path, HEAD)
    assert path.read_bytes() == mine


@pytest.mark.parametrize("place", ["folder", "file/j"])
def test_a_path_that_cannot_be_opened_is_refused_in_one_line(tmp_path: Path, place: str) -> None:
    (tmp_path / "folder").mkdir()
    (tmp_path / "file").touch()
    with pytest.raises(
        ValueError, match=r"expected a file that can be written, or none, .*: remove"
    ) as refused:
        Journal(tmp_path / place, HEAD)
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize("leaves", ["nothing", "another"])
def test_the_lock_of_a_removed_file_is_not_taken(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, leaves: str
) -> None:
    path, lock = tmp_path / "j", journal._try_lock
    removed = list[Path]()

    def end_of_first(file: BinaryIO) -> bool:
        if not removed:  # the process that held the file removes it while this one waits
            path.unlink()
            removed.append(path)
            if leaves == "another":
                path.touch()
        return lock(file)

    monkeypatch.setattr(journal, "_try_lock", end_of_first)
    one = Journal(path, HEAD)
    one.append([[1]])
    one.close()
    assert removed
    assert entries(path) == [[1]]


def test_another_head_begins_anew_and_says_what_differs(tmp_path: Path) -> None:
    path = tmp_path / "j"
    one = Journal(path, HEAD)
    one.append([[1]])
    one.close()
    other = Journal(path, {**HEAD, "weights": "x"})
    assert (other.changed, list(other.replay())) == (["weights"], [])
    other.remove()
    assert not path.exists()


def test_a_second_process_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    code = (
        "import sys; from pathlib import Path; from datamodules.storage.journal import Journal; "
        f"one = Journal(Path({str(tmp_path / 'j')!r}), {HEAD!r}); print('held', flush=True); sys.stdin.read()"
    )
    holder = subprocess.Popen(
        [sys.executable, "-c", code], cwd=PROJECT, stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    assert holder.stdout is not None
    assert holder.stdout.readline() == b"held\n"
    monkeypatch.setattr(journal, "RETRY_SECONDS", 0.2)
    with pytest.raises(ValueError, match="expected that nobody else writes it, but another process does"):
        Journal(tmp_path / "j", HEAD)
    holder.kill()
    holder.communicate()
    Journal(tmp_path / "j", HEAD).close()
