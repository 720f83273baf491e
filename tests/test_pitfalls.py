"""Each measured trap (see the `pitfall` marker) has a test that guards it, and that `make test` runs."""

from __future__ import annotations

from pathlib import Path

import pytest


class Collected:
    """A pytest plugin that keeps the numbers of the traps of the tests that are to be run."""

    def __init__(self) -> None:
        self.numbers: set[int] = set()

    def pytest_collection_finish(self, session: pytest.Session) -> None:
        """Read the markers of what is left after deselection."""
        self.numbers = {mark.args[0] for item in session.items for mark in item.iter_markers("pitfall")}


def test_the_first_seventeen_are_guarded() -> None:
    collected = Collected()
    arguments = ["--collect-only", "-qq", "-p", "no:cacheprovider", str(Path(__file__).parent)]
    assert pytest.main(arguments, plugins=[collected]) == pytest.ExitCode.OK
    assert set(range(1, 18)) <= collected.numbers
