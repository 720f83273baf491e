from __future__ import annotations

import os
from pathlib import Path

import pytest

from cli.checks.run_name import check_name, check_writable


@pytest.mark.parametrize("name", ["", ".", "..", "a/b", "a b", "hf_abcdefghijklmnopqrstuvwxyz"])
def test_name_that_cannot_be_a_folders_is_refused(name: str) -> None:
    with pytest.raises(ValueError, match="Expected --name to"):
        check_name(name)


def test_folder_of_runs_must_be_a_folder_that_can_be_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    check_writable(tmp_path / "runs")
    (tmp_path / "runs").write_text("")
    with pytest.raises(ValueError, match=r"but it is a file: rename it"):
        check_writable(tmp_path / "runs")
    monkeypatch.setattr(os, "access", lambda path, mode: False)
    with pytest.raises(ValueError, match=r"may not be written to: `cd` to a folder of your own"):
        check_writable(tmp_path / "new")
