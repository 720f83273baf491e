"""Numbers in decimal notation: `-1.50`, `.5`, `2e-3`."""

from __future__ import annotations

import math
import re
from decimal import Context, Decimal

from datamodules.notations._checks import MAX_LENGTH, describe_bad_text

_NUMBER = re.compile(r"[+-]?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][+-]?[0-9]{1,4})?")
_LABEL = re.compile(r"[+-]?0[0-9]")
_NOT_FINITE = re.compile(r"[+-]?(?:inf|infinity|nan)", re.IGNORECASE)
_EXACT = Context(prec=MAX_LENGTH, Emin=-99_999, Emax=99_999)  # the default rounds to 28 digits
_PLAIN = range(-7, 21)  # powers of ten that are written out, as JavaScript does


def invalid_reason(text: str) -> str | None:
    """Say why `text` is not one finite decimal number, or return None.

    Thousands separators, units, fractions and white space are not part of a number. A number beyond the range of
    a double (1e309) is not finite.
    """
    reason = describe_bad_text(text)
    if reason:
        return reason
    if _NOT_FINITE.fullmatch(text):
        return "not finite"
    if not _NUMBER.fullmatch(text):
        return "not a number"
    return "not finite" if math.isinf(float(text)) else None


def is_valid(text: str) -> bool:
    """Say whether `text` is one finite decimal number."""
    return invalid_reason(text) is None


EACH_CELL_TELLS = True
"""No text is a number by chance: even one different cell, as in a column of 1, tells what the column holds."""
LEAST_SHARE = 0.95
"""Cells that must look like numbers before a column is taken for numbers, whatever its header is."""


def looks_like(text: str) -> bool:
    """Say whether a cell speaks for a column of numbers: not where a zero leads, as in the label 007."""
    return is_valid(text) and not _LABEL.match(text)


def normalize_cell(text: str) -> str:
    """Return a table's number as it is written: 0.60 may be meant so, and 1.0 may be a class.

    Raises:
        ValueError: If `text` is not valid; the message is the reason.
    """
    normalize(text)
    return text


def normalize(text: str) -> str:
    """Return the number without a plus sign, needless zeros or a needless exponent; no digit is rounded away.

    `+1.50` becomes `1.5`, `1E3` becomes `1000`, `-0` becomes `0`; below 1e-7 and from 1e21 on an exponent stays.

    Raises:
        ValueError: If `text` is not valid; the message is the reason.
    """
    reason = invalid_reason(text)
    if reason:
        raise ValueError(reason)
    value = _EXACT.normalize(Decimal(text))
    if not value:
        return "0"
    return format(value, "f" if value.adjusted() in _PLAIN else "e")


def same(prediction: str, target: str) -> dict[str, bool]:
    """Compare two numbers: `string`, the same characters; `value`, exactly equal (1.50 and 1.5, 1e3 and 1000)."""
    value = is_valid(prediction) and is_valid(target) and Decimal(prediction) == Decimal(target)
    return {"string": prediction == target, "value": value}
