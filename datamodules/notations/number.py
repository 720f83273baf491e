"""Numbers in decimal notation: `-1.50`, `.5`, `2e-3`."""

from __future__ import annotations

import math
import re
import statistics
from collections.abc import Iterable
from decimal import Context, Decimal

from datamodules.notations._checks import MAX_LENGTH, describe_bad_text

_NUMBER = re.compile(r"[+-]?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][+-]?[0-9]{1,4})?")
_NOT_FINITE = re.compile(r"[+-]?(?:inf|infinity|nan)", re.IGNORECASE)
_EXACT = Context(prec=MAX_LENGTH, Emin=-99_999, Emax=99_999)  # the default rounds to 28 digits
MOST_DIGITS = 12
"""Most digits behind the point that a column of numbers is rounded to without being told."""
_PLAIN = range(-7, 21)  # powers of ten that are written out, as JavaScript does


def invalid_reason(text: str) -> str | None:
    """Say why `text` is not one finite decimal number, or return None.

    Thousands separators, units, fractions and white space are not part of a number. A number beyond the range of
    a double (1e309) is not finite.

    Examples:
        >>> invalid_reason("12.5"), invalid_reason("12.5 K"), invalid_reason("1e309"), invalid_reason("1,000")
        (None, 'whitespace', 'not finite', 'not a number')
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


def normalize(text: str) -> str:
    """Return the number without a plus sign, needless zeros or a needless exponent; no digit is rounded away.

    `+1.50` becomes `1.5`, `1E3` becomes `1000`, `-0` becomes `0`; below 1e-7 and from 1e21 on an exponent stays.

    Raises:
        ValueError: If `text` is not valid; the message is the reason.

    Examples:
        >>> [normalize(text) for text in ("+1.50", "1E3", "-0", ".5", "1e-9")]
        ['1.5', '1000', '0', '0.5', '1e-9']
    """
    reason = invalid_reason(text)
    if reason:
        raise ValueError(reason)
    value = _EXACT.normalize(Decimal(text))
    if not value:
        return "0"
    return format(value, "f" if value.adjusted() in _PLAIN else "e")


def same(prediction: str, target: str) -> dict[str, bool]:
    """Compare two numbers: `string`, the same characters; `value`, exactly equal (1.50 and 1.5, 1e3 and 1000).

    Examples:
        >>> same("1.50", "1.5"), same("1.49", "1.5")
        ({'string': False, 'value': True}, {'string': False, 'value': False})
    """
    value = is_valid(prediction) and is_valid(target) and Decimal(prediction) == Decimal(target)
    return {"string": prediction == target, "value": value}


def round_to(text: str, digits: int) -> str:
    """Return a number with so many digits behind the point, rounded half to even, always written out.

    Raises:
        ValueError: If `text` is not valid; the message is the reason.

    Examples:
        >>> [round_to(text, 2) for text in ("1.5", "-0.001", "1e3", "2.345")], round_to("17.6", 0)
        (['1.50', '0.00', '1000.00', '2.34'], '18')
    """
    reason = invalid_reason(text)
    if reason:
        raise ValueError(reason)
    value = Decimal(text).quantize(Decimal(1).scaleb(-digits), context=_EXACT)
    return format(value or abs(value), "f")


def choose_digits(texts: Iterable[str]) -> int:
    """Return the digits behind the point that keep what numbers tell apart: one step is at most 1 % of their deviation.

    Numbers that are written with fewer digits keep theirs.

    Args:
        texts: Numbers.

    Examples:
        >>> choose_digits(["1.5", "2.25", "3"]), choose_digits(["-3.6161271205", "0.51412", "-7.1"]), choose_digits(["10", "90"])
        (2, 2, 0)
    """
    numbers = [Decimal(text) for text in texts]
    written = max((max(0, -int(number.as_tuple().exponent)) for number in numbers), default=0)
    deviation = statistics.pstdev(map(float, numbers)) if len(numbers) > 1 else 0.0
    if not deviation:
        return min(written, MOST_DIGITS)
    return min(written, max(0, math.ceil(-math.log10(0.01 * deviation))), MOST_DIGITS)
