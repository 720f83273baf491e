"""pyproject.toml and the tree agree."""

from __future__ import annotations

import re
import shutil
import subprocess

import pytest
import yaml

from tests.helpers.runs import PROJECT, list_files


def test_every_package_is_installed() -> None:
    tomllib = pytest.importorskip("tomllib")  # Python 3.11
    tools = tomllib.loads((PROJECT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]
    roots = {pattern.rstrip("*") for pattern in tools["setuptools"]["packages"]["find"]["include"]}
    assert roots <= set(tools["importlinter"]["root_packages"])
    with_code = {path.parent for root in roots for path in (PROJECT / root).rglob("*.py")}
    without_init = {str(folder) for folder in with_code if not (folder / "__init__.py").is_file()}
    assert not without_init, "setuptools finds packages by their __init__.py"


def test_every_file_of_a_package_is_installed() -> None:
    tomllib = pytest.importorskip("tomllib")  # Python 3.11
    settings = tomllib.loads((PROJECT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["setuptools"]
    roots = [pattern.rstrip("*") for pattern in settings["packages"]["find"]["include"]]
    tracked = list_files(*roots)
    data = {
        path.relative_to(PROJECT).as_posix()
        for package, patterns in settings["package-data"].items()
        for pattern in patterns
        for path in (PROJECT / package.replace(".", "/")).glob(pattern)
    }
    missing = {path for path in tracked if not path.endswith(".py")} - data
    assert missing == {"configs/trainer/slurm.sh"}  # starts `python train.py`, so it goes with a checkout


def test_the_project_and_its_citation_name_the_same_keywords_and_authors() -> None:
    tomllib = pytest.importorskip("tomllib")  # Python 3.11
    project = tomllib.loads((PROJECT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    citation = yaml.safe_load((PROJECT / "CITATION.cff").read_text(encoding="utf-8"))
    assert project["keywords"] == citation["keywords"]
    assert project["authors"] == citation["authors"]


@pytest.mark.skipif(shutil.which("make") is None, reason="needs make")
def test_make_help_explains_every_target() -> None:
    makefile = (PROJECT / "Makefile").read_text(encoding="utf-8")
    [phony] = re.findall(r"^\.PHONY: (.*)$", makefile, flags=re.MULTILINE)
    lines = subprocess.run(
        ["make", "-s", "help"], cwd=PROJECT, capture_output=True, text=True, check=True
    ).stdout
    explained = dict(re.findall(r"^make ([a-z][\w-]*) +(\S.*)$", lines, flags=re.MULTILINE))
    assert (
        set(explained)
        == set(phony.split())
        == set(re.findall(r"^([a-z][\w-]*):", makefile, flags=re.MULTILINE))
    )
