"""Each measured trap (see the `pitfall` marker) has a test that guards it."""

from __future__ import annotations

import re
from pathlib import Path

TESTS = Path(__file__).parent


def test_the_first_seventeen_are_guarded() -> None:
    marked = {
        int(number)
        for path in TESTS.rglob("test_*.py")
        for number in re.findall(r"pitfall\((\d+)\)", path.read_text(encoding="utf-8"))
    }
    assert set(range(1, 18)) <= marked
