from __future__ import annotations

from pathlib import Path

import pytest

from configs.lookup import find_cache_root
from datamodules.task_data import TaskData
from lightning_modules.decoder.gguf import find_bases
from tests.helpers.tiny import make_tokenizer

VARIABLES = ("PATOIS_CACHE", "XDG_CACHE_HOME")


@pytest.fixture
def no_home(monkeypatch: pytest.MonkeyPatch) -> None:
    """A user without a home and without variables, as in some containers."""

    def fail() -> Path:
        raise RuntimeError("Could not determine home directory.")

    for name in VARIABLES:
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(Path, "home", fail)


@pytest.mark.parametrize(
    ("variables", "root"),
    [
        ({}, "/home/someone/.cache/patois"),
        ({"XDG_CACHE_HOME": "/caches"}, "/caches/patois"),
        ({"PATOIS_CACHE": "/mine"}, "/mine"),
        ({"PATOIS_CACHE": "/mine", "XDG_CACHE_HOME": "/caches"}, "/mine"),
        ({"PATOIS_CACHE": "", "XDG_CACHE_HOME": ""}, "/home/someone/.cache/patois"),
    ],
)
def test_the_caches_of_data_and_bases_lie_in_one_folder(
    monkeypatch: pytest.MonkeyPatch, variables: dict[str, str], root: str
) -> None:
    monkeypatch.setenv("HOME", "/home/someone")
    for name in VARIABLES:
        monkeypatch.delenv(name, raising=False)
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    assert find_cache_root() == Path(root)
    assert TaskData(make_tokenizer(), max_length=64).cache.folder == Path(root)
    assert find_bases() == Path(root) / "bases"


@pytest.mark.usefixtures("no_home")
def test_a_user_without_a_home_gets_no_cache_of_data_and_is_asked_for_a_folder_for_bases() -> None:
    assert find_cache_root() is None
    assert TaskData(make_tokenizer(), max_length=64).cache.folder is None
    with pytest.raises(ValueError, match=r"Expected a folder to unpack the base to.* set PATOIS_CACHE"):
        find_bases()


@pytest.mark.usefixtures("no_home")
@pytest.mark.parametrize("name", VARIABLES)
def test_a_variable_takes_the_place_of_a_home(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    monkeypatch.setenv(name, "/caches")
    assert find_bases() == Path("/caches") / ("bases" if name == "PATOIS_CACHE" else "patois/bases")
