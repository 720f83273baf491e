from __future__ import annotations

import pytest

from callbacks.reports.end_table import format_seconds


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0.4, "0 s"), (59.6, "1 min 00 s"), (65, "1 min 05 s"), (3600, "1 h 00 min"), (7500, "2 h 05 min")],
)
def test_format_seconds_shows_at_most_two_units(seconds, text):
    assert format_seconds(seconds) == text
