from __future__ import annotations

from callbacks.metrics.validity import Validity
from tests.helpers.callback_stubs import score_rows


def test_validity_is_that_of_the_output_notation():
    rows = [
        ("CCO", "C"),
        ("C(C", "C"),
        ("", "C"),
        ("CCO CC", "C"),
        ("[C][O]", "[C]", "selfies"),
        ("C(C", "C", "text"),
    ]
    assert [score["validity"] for score in score_rows(Validity(), *rows)] == [1, 0, 0, 0, 1, 1]
