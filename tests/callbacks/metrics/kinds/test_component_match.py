from __future__ import annotations

import pytest

from callbacks.metrics.kinds.component_match import ComponentMatch
from tests.helpers.callback_stubs import score_rows


def test_components_count_in_any_order_and_spelling() -> None:
    found = score_rows(
        ComponentMatch(),
        ("OCC.CC(=O)O", "CC(O)=O.CCO"),  # the same two
        ("CCO.CCN", "CC(=O)O.CCO"),  # one of two
        ("CCO", "CCO.CCO"),  # one of two equal ones
        ("CC(.C", "CCO.C"),  # cannot be read
        ("CCN.CCCN", "CCO.C"),
        ("CCO", "CCO"),  # one component: no score
        ("a.b", "a.b", "text"),
    )
    assert [one.get("component_f1") for one in found] == [
        1.0, 0.5, pytest.approx(2 / 3), 0.0, 0.0, None, None,
    ]  # fmt: skip
