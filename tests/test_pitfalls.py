"""Each trap of docs/pitfalls.md (see the `pitfall` marker) names the tests that guard it, and `make test` runs them."""

from __future__ import annotations

import re

import pytest

from tests.helpers.runs import PROJECT

PAGE = PROJECT / "docs" / "pitfalls.md"


class Collected:
    """A pytest plugin that keeps the numbers of the pitfalls of the tests that are to be run."""

    def __init__(self) -> None:
        self.numbers: set[int] = set()

    def pytest_collection_finish(self, session: pytest.Session) -> None:
        """Read the markers of what is left after deselection."""
        self.numbers = {mark.args[0] for item in session.items for mark in item.iter_markers("pitfall")}


def test_pitfalls_1_to_17_have_a_marked_test() -> None:
    collected = Collected()
    files = [
        str(path) for path in (PROJECT / "tests").rglob("test_*.py") if ".pitfall(" in path.read_text("utf-8")
    ]
    arguments = ["--collect-only", "-qq", "-p", "no:cacheprovider", *sorted(files)]
    assert pytest.main(arguments, plugins=[collected]) == pytest.ExitCode.OK
    assert set(range(1, 18)) <= collected.numbers


def test_markers_cite_numbers_that_the_page_has() -> None:
    numbers = {int(number) for number in re.findall(r"^### (\d+)\. ", PAGE.read_text("utf-8"), re.MULTILINE)}
    cited = {
        int(number)
        for path in (PROJECT / "tests").rglob("test_*.py")
        for number in re.findall(r"\.pitfall\((\d+)\)", path.read_text("utf-8"))
    }
    assert numbers == set(range(1, len(numbers) + 1))
    assert cited <= numbers


@pytest.mark.parametrize(
    "page", ["docs/pitfalls.md", "SECURITY.md", "CONTRIBUTING.md", ".github/PULL_REQUEST_TEMPLATE.md"]
)
def test_tests_that_a_page_names_exist(page: str) -> None:
    known = {
        name
        for path in (PROJECT / "tests").rglob("test_*.py")
        for name in re.findall(r"^def (test_\w+)\(", path.read_text("utf-8"), re.MULTILINE)
    }
    named = re.findall(r"`(test_\w+)`", (PROJECT / page).read_text("utf-8"))
    assert sorted(set(named) - known) == []
    assert named or page != "docs/pitfalls.md"
