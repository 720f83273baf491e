from __future__ import annotations

from fractions import Fraction

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from datamodules.notations import number

NORMAL = {
    "0": "0",
    "-0": "0",
    "-0.00e5": "0",
    "+1.50": "1.5",
    "007": "7",
    "1.": "1",
    ".5": "0.5",
    "-.5": "-0.5",
    "1E3": "1000",
    "100": "100",
    "1e20": "1" + "0" * 20,
    "1e21": "1e+21",
    "0.0000001": "0.0000001",
    "0.00000001": "1e-8",
    "1.50e300": "1.5e+300",
    "3." + "1" * 60: "3." + "1" * 60,  # nothing is rounded
}


@pytest.mark.parametrize(("text", "normal"), NORMAL.items())
def test_normalize(text: str, normal: str) -> None:
    assert number.invalid_reason(text) is None
    assert number.normalize(text) == normal
    assert number.normalize(normal) == normal
    assert number.same(text, normal)["value"]


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "empty"),
        (" 1", "whitespace"),
        ("1 000", "whitespace"),
        ("1\n", "whitespace"),
        ("1_000", "not a number"),  # Python's own parsers take this
        ("1,000", "not a number"),
        ("0x10", "not a number"),
        ("1e", "not a number"),
        (".", "not a number"),
        ("--1", "not a number"),
        ("12 kg", "whitespace"),
        ("12kg", "not a number"),
        ("1e99999", "not a number"),
        ("\u0661", "not ASCII"),  # an Arabic digit
        ("\u2212" + "1", "not ASCII"),
        ("nan", "not finite"),
        ("-Infinity", "not finite"),
        ("1e400", "not finite"),
        ("1" * 1001, "longer than 1000 characters"),
    ],
    ids=lambda value: ascii(value)[:24],
)
def test_invalid_reason(text: str, reason: str) -> None:
    assert number.invalid_reason(text) == reason
    assert not number.is_valid(text)
    with pytest.raises(ValueError, match=f"^{reason}$"):
        number.normalize(text)


def test_same() -> None:
    assert number.same("1.50", "1.5") == {"string": False, "value": True}
    assert number.same("1e3", "1000") == {"string": False, "value": True}
    assert number.same("0.1", "0.10000000000000000000000000000001") == {"string": False, "value": False}
    assert number.same("nan", "nan") == {"string": True, "value": False}
    assert number.same("one", "1") == {"string": False, "value": False}


@settings(max_examples=100, deadline=None, derandomize=True, database=None)
@given(st.one_of(st.text(max_size=20), st.text("0123456789.eE+-", max_size=12), st.floats().map(str)))
def test_any_text_has_a_verdict(text: str) -> None:
    assert number.same(text, text)["value"] == number.is_valid(text)
    if number.is_valid(text):
        assert Fraction(number.normalize(text)) == Fraction(text)
