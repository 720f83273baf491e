"""The Markdown pages: their links lead somewhere, their flags exist, their map of the code is the code."""

from __future__ import annotations

import re
from functools import cache

import pytest

from tests.helpers.pages import PAGES
from tests.helpers.pages import link_targets as links
from tests.helpers.runs import PROJECT, command, list_files

ROOMS = ("configs", "cli", "datamodules", "lightning_modules", "callbacks")


@pytest.mark.parametrize("page", PAGES)
def test_links_of_pages_lead_somewhere(page: str) -> None:
    missing = [
        target for target in links(PAGES[page]) if not ((PROJECT / page).parent / target).resolve().exists()
    ]
    assert missing == []


@pytest.mark.parametrize(
    "page", ["README.md", "CONTRIBUTING.md", "docs/flags.md", "docs/architecture.md", "docs/extending.md"]
)
def test_files_that_pages_name_exist(page: str) -> None:
    pattern = r"`((?:configs|cli|datamodules|callbacks|docs|lightning_modules|bench|tests)/[\w./-]*\w)`"
    made = set(re.findall(r"^File `([^`]+)`:", PAGES[page], flags=re.MULTILINE))
    missing = [
        path
        for path in re.findall(pattern, PAGES[page])
        if path not in made and not (PROJECT / path).exists()
    ]
    assert missing == []


@pytest.mark.parametrize("page", PAGES)
def test_pages_have_nothing_left_to_fill_in(page: str) -> None:
    assert not re.search(r"@[A-Z_]+@|TODO|XXX", PAGES[page])


@pytest.mark.parametrize("page", ["README.md", "CONTRIBUTING.md", "docs/flags.md", "docs/models.md"])
def test_make_targets_that_pages_name_exist(page: str) -> None:
    makefile = (PROJECT / "Makefile").read_text(encoding="utf-8")
    for target in set(re.findall(r"(?:`|^)make ([a-z][\w-]*)", PAGES[page], flags=re.MULTILINE)):
        assert re.search(rf"^{target}:", makefile, flags=re.MULTILINE), target


@cache
def known_flags() -> frozenset[str]:
    pages = [
        command([subcommand, "--help-all"], PROJECT) for subcommand in ("fit", "test", "predict", "show")
    ]
    assert all(page.returncode == 0 for page in pages)
    return frozenset(flag for page in pages for flag in re.findall(r"--[a-z][\w.]*", page.stdout))


def is_known(flag: str) -> bool:
    """Whether it is a flag, or a setting of a class that a flag names (`--model.optimizer.lr`)."""
    owner = flag.rpartition(".")[0]
    return flag in known_flags() or f"{owner}.help" in known_flags() or f"{flag}.help" in known_flags()


@pytest.mark.parametrize(
    "page", ["README.md", "docs/flags.md", "docs/models.md", "docs/extending.md", "docs/architecture.md"]
)
def test_flags_that_pages_name_exist(page: str) -> None:
    flags = set(re.findall(r"(?<![\w-])--[a-z][\w.]*\w", PAGES[page]))
    # Those that no parser sees, those of other programs, and one that docs/extending.md adds to a program of its own.
    others = {
        "--help-all",
        "--quiet",
        "--completion",
        "--model.smoothing",
        "--build-arg",
        "--build",
        "--no",
        "--output",
        "--tags",
        "--project",  # of `dashboard`, as is the next one, --dry-run
        "--dry",
        "--wordings",  # of `ask`, as is the next one
        "--block",
        "--array",  # of sbatch, as is the next one
        "--wrap",
    }
    assert [flag for flag in sorted(flags - others) if not is_known(flag)] == []


def test_unknown_flag_is_not_taken_for_a_known_one() -> None:
    assert not is_known("--data.bogus")
    assert not is_known("--model.bogus.lr")


def listed_files() -> set[str]:
    """The files that docs/architecture.md explains in its map."""
    [plan] = re.findall(r"```text\n(train\.py .*?)```", PAGES["docs/architecture.md"], flags=re.DOTALL)
    files, folder = set(), ""
    for line in plan.splitlines():
        if found := re.match(r"(\S+/)(\s|$)", line):
            folder = found[1]
        elif found := re.match(r"  (\S+\.py) +\S", line):
            files.add(folder + found[1])
        elif found := re.match(r"(\S+\.py) +\S", line):
            files.add(found[1])
    return files


def test_map_of_the_code_has_every_file_and_no_other() -> None:
    tracked = list_files("--cached", "--others", "--exclude-standard", *ROOMS)
    files = {path for path in tracked if path.endswith(".py") and not path.endswith("__init__.py")}
    known = {path for path in files if (PROJECT / path).is_file()} | {"train.py", "patois.py"}
    assert listed_files() == known, "docs/architecture.md has a line for each module, of at most eight words"


def test_map_of_the_code_explains_in_few_words() -> None:
    for line in PAGES["docs/architecture.md"].splitlines():
        if found := re.match(r"  \S+\.py +(.*)", line):
            assert 1 <= len(found[1].split()) <= 8, line
