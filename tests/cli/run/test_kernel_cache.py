from __future__ import annotations

import os
from pathlib import Path

import pytest

from cli import main as command_line
from cli.run.kernel_cache import VARIABLE, kernel_settings


@pytest.fixture(autouse=True)
def _as_it_was(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(VARIABLE, "before")  # so that it is put back
    monkeypatch.delenv(VARIABLE)


def test_kernels_are_kept_in_the_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATOIS_CACHE", str(tmp_path))
    assert kernel_settings() == {VARIABLE: str(tmp_path / "kernels")}


def test_kernels_lie_where_the_user_says(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(VARIABLE, "mine")
    assert kernel_settings() == {}


def test_a_user_without_a_home_keeps_pytorchs_own_folder(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("cli.run.kernel_cache.find_cache_root", lambda: None)
    assert kernel_settings() == {}


def test_a_run_sets_it_before_pytorch_is_loaded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def stop() -> None:
        assert os.environ[VARIABLE] == str(tmp_path / "kernels")
        raise StopIteration

    monkeypatch.setenv("PATOIS_CACHE", str(tmp_path))
    monkeypatch.setattr(command_line, "silence_libraries", stop)
    with pytest.raises(StopIteration):
        command_line.run(["fit"])
