from __future__ import annotations

import errno
from collections import namedtuple
from pathlib import Path

import pytest
from lightning.fabric.utilities.exceptions import MisconfigurationException

from callbacks.run.checkpoint_io import DiskFull
from cli import exit_status
from cli.exit_status import DISK_FULL, UsageError, ending_of
from configs.lookup import load_yaml


def raised_by_us(tmp_path: Path) -> ValueError:
    (tmp_path / "broken.yaml").write_text("a: [")
    with pytest.raises(ValueError, match="expected a YAML file") as caught:
        load_yaml(tmp_path / "broken.yaml")
    return caught.value


def test_users_mistake_ends_with_its_message_and_status_1(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    error = raised_by_us(tmp_path)
    assert ending_of(error) == (f"error: {error}", 1)
    monkeypatch.setenv("PATOIS_TRACEBACK", "1")
    assert ending_of(error) is None


@pytest.mark.parametrize(
    "error",
    [ValueError("of a library"), OSError(errno.EACCES, "denied"), KeyError("bug"), RuntimeError("bug")],
)
def test_bugs_and_errors_of_libraries_keep_their_traceback(error: Exception) -> None:
    assert ending_of(error) is None


def test_mistake_on_the_command_line_has_status_2() -> None:
    assert ending_of(UsageError("No flag is called --x.")) == ("error: No flag is called --x.", 2)


def test_lightnings_word_for_a_mistake_is_one_line() -> None:
    error = MisconfigurationException("You have passed\n  a wrong value.")
    assert ending_of(error) == ("error: You have passed a wrong value.", 1)


def test_full_disk_of_a_checkpoint_says_how_many_bytes_are_missing(tmp_path: Path) -> None:
    path = tmp_path / "last.ckpt"
    assert ending_of(DiskFull(path, 5000, 1000)) == (
        f"error: {path} needs 5,000 bytes, but its disk is 4,000 bytes short. Free some space. "
        "There is no previous checkpoint.",
        DISK_FULL,
    )
    path.touch()
    assert "previous checkpoint is intact" in ending_of(DiskFull(path, 5000, 1000))[0]  # type: ignore[index]


@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EDQUOT])
def test_full_disk_of_another_file_names_the_fullest_disk(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, code: int
) -> None:
    usage = namedtuple("usage", "free")
    monkeypatch.setattr(
        exit_status.shutil, "disk_usage", lambda path: usage(7 if path == tmp_path else 10**9)
    )
    ending = ending_of(OSError(code, "No space left on device", str(tmp_path)))
    assert ending is not None
    line, status = ending
    assert line.startswith(f"error: The disk of {tmp_path} is full: 7 bytes are free")
    assert status == DISK_FULL
