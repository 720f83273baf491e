from __future__ import annotations

import sys
from pathlib import Path

import pytest

from datamodules.storage.writable import check_file, find_obstacle
from tests.helpers.closed_folders import close


def test_a_folder_that_can_be_made_is_no_obstacle_and_nothing_is_left(tmp_path: Path) -> None:
    assert find_obstacle(tmp_path / "a" / "b") is None
    check_file("--output", tmp_path / "a" / "b.csv")
    assert list(tmp_path.iterdir()) == []


def test_a_folder_below_a_file_or_of_somebody_else_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").touch()
    assert find_obstacle(tmp_path / "file" / "b") == f"{tmp_path / 'file'} is no folder"
    close(tmp_path, monkeypatch)
    assert find_obstacle(tmp_path / "a") == f"{tmp_path} may not be written to"
    with pytest.raises(
        ValueError,
        match=r"--page .*x\.html: expected a file that can be written, but .* a folder of your own",
    ):
        check_file("--page", tmp_path / "x.html")


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux has /proc")
def test_a_folder_that_looks_open_but_takes_no_file_is_told() -> None:
    assert find_obstacle(Path("/proc")) == "/proc may not be written to"
