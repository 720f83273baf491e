"""locks/ holds the hashes of what constraints.txt holds the versions of."""

from __future__ import annotations

import re

import pytest

from tests.helpers.runs import PROJECT


def entries(name: str) -> dict[str, list[str]]:
    """Return the requirements of a file, such as `numpy==2.0 ; marker`, and the hashes of each."""
    lines = (PROJECT / name).read_text(encoding="utf-8").replace("\\\n", " ").splitlines()
    found = {}
    for line in lines:
        if not line.startswith("#"):
            requirement, *hashes = line.split("--hash=")
            found[requirement.strip()] = [one.strip() for one in hashes]
    return found


ALL, RUN, TORCH, CPU = (entries(f"locks/{name}.txt") for name in ("all", "run", "torch-pypi", "torch-cpu"))


def test_each_version_is_locked_with_its_hashes() -> None:
    assert set(entries("constraints.txt")) == set(ALL) | set(TORCH)
    # Where an extra needs everywhere what the program needs on one system, the marker is gone.
    assert {one for one in RUN if one not in ALL and one.split(" ;")[0] not in ALL} == set()
    assert len(set(RUN) - set(ALL)) <= 1
    for lock in (ALL, RUN, TORCH, CPU):
        for requirement, hashes in lock.items():
            assert "==" in requirement
            assert hashes, requirement
            assert all(re.fullmatch(r"sha256:[0-9a-f]{64}", one) for one in hashes), requirement


def test_both_locks_of_torch_have_one_version_and_no_common_hash() -> None:
    [(version, hashes)] = CPU.items()
    assert not set(hashes) & set(TORCH[version])
    assert not any(re.match(r"(torch|triton|nvidia|cuda)(-\w+)*==", requirement) for requirement in ALL)


def test_each_dependency_of_the_project_is_locked() -> None:
    tomllib = pytest.importorskip("tomllib")  # Python 3.11
    project = tomllib.loads((PROJECT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    needed = {
        "run": [
            line for line in project["dependencies"] if "sys_platform != 'linux'" not in line
        ],  # locks are for Linux
        "all": [line for extra in project["optional-dependencies"].values() for line in extra],
    }
    for name, lock in (("run", RUN), ("all", ALL)):
        locked = {re.split(r"==", requirement)[0] for requirement in (*lock, *TORCH)}
        names = {re.match(r"[\w.-]+", line).group().lower().replace("_", "-") for line in needed[name]}  # type: ignore[union-attr]
        assert names <= locked
    assert len(needed["run"]) >= 14


def test_locks_name_no_index() -> None:
    for path in (PROJECT / "locks").iterdir():
        assert not re.search(r"://|^\s*--(?!hash)|@ ", path.read_text(encoding="utf-8"), re.MULTILINE), path
