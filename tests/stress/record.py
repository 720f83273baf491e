"""Count the tries of a stress test of docs/reliability.md: run all of them, whatever fails, and write the numbers down."""

from __future__ import annotations

import json
import sys
import time
import traceback
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TypeVar

from tests.helpers.runs import PROJECT

DOCS = PROJECT / "docs"
RESULTS = DOCS / "reliability.jsonl"
Case = TypeVar("Case")


def record(
    test: int,
    what: str,
    tried: int,
    passed: int,
    note: str = "",
    *,
    seconds: float = 0.0,
    path: Path = RESULTS,
) -> None:
    """Append a result to docs/reliability.jsonl; of the same test and `what` the last one is shown on the page.

    Args:
        test: Number of the stress test, from 1.
        what: What was tried, in a few words: a line of the table.
        tried: How many times.
        passed: How often it went as it should.
        note: Sizes, worlds, and what was not reached.
        seconds: How long it took, all preparations included.
        path: The file.
    """
    line = {
        "gate": test,  # the key of all rows in the file, from when stress tests were called gates
        "what": what,
        "tried": tried,
        "passed": passed,
        "seconds": round(seconds, 1),
        "note": note,
    }
    with path.open("a", encoding="utf-8") as file:
        file.write(json.dumps(line, ensure_ascii=False) + "\n")


def count(
    test: int,
    what: str,
    cases: Sequence[Case],
    attempt: Callable[[Case], None],
    note: str = "",
    *,
    keep: bool,
    begun: float | None = None,
) -> None:
    """Try every case, print a line for each that fails, and raise AssertionError at the end if any did.

    Args:
        test: Number of the stress test.
        what: What is tried.
        cases: What to try it with, e.g. seeds.
        attempt: Tries one case; it fails by raising.
        note: Goes into the record.
        keep: Write the numbers to docs/reliability.jsonl.
        begun: When the test began, by `time.monotonic`: some do all the work before they count. Default: now.
    """
    failures: list[str] = []
    begun = time.monotonic() if begun is None else begun
    for number, case in enumerate(cases):
        try:
            attempt(case)
        except Exception as error:
            failures.append(f"{case!r}: {type(error).__name__}: {error}")
            sys.stderr.write(f"stress test {test}, {what}: {failures[-1]}\n{traceback.format_exc()}\n")
        if keep:
            sys.stderr.write(f"stress test {test}, {what}: {number + 1 - len(failures)} of {number + 1}\n")
    passed = len(cases) - len(failures)
    if keep:
        record(test, what, len(cases), passed, note, seconds=time.monotonic() - begun)
    assert not failures, (
        f"stress test {test}, {what}: {passed} of {len(cases)} passed; first failure: {failures[0]}"
    )
