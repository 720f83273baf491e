"""Choices: the answers that a task allows, one of which is right; a model scores them instead of generating text."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Any

MOST = 20
"""Most different values of a column that is taken for a class without being told."""
_EACH = 5
"""Rows that such a column has at least for each of its values, on average."""


@dataclass(frozen=True)
class Choices:
    """The answers that a task allows: the same for all rows, or a column of lists."""

    options: tuple[str, ...] = ()
    """The answers, the same for all rows. Of two, the second is the positive class."""
    column: str | None = None
    """A column with each row's own answers: lists, or cells with `|` between the answers."""
    auto: bool = False
    """Take the different values of the output column; they are the options once it has been read."""
    shown: bool = False
    """Show the options behind the input, in training in another order each time."""

    def __post_init__(self) -> None:
        """Reject choices that cannot work.

        Raises:
            ValueError: If there is no choice, one stands twice, or several ways are mixed.
        """
        if (self.column is not None) == bool(self.options or self.auto):
            raise ValueError(
                f"expected either a list of answers, {{column: NAME}} or auto, but got {self.options or self.column!r}."
            )
        if self.options and (len(self.options) < 2 or len(set(self.options)) < len(self.options)):
            raise ValueError(
                f"expected at least two different answers, but got {', '.join(map(repr, self.options))}."
            )
        if any(not text.strip() or text != text.strip() for text in self.options):
            raise ValueError(
                f"expected answers without white space at their ends, but got {', '.join(map(repr, self.options))}."
            )


def build_choices(content: Any) -> Choices | None:
    """Return the choices that a task file or a flag means.

    Args:
        content: A list of answers, `a,b`, `auto`, `none`, or a mapping with the keys of `Choices`.

    Raises:
        ValueError: If it is none of these.

    Examples:
        >>> build_choices(["crosses", "stays out"]).options, build_choices("0,1").options, build_choices("auto").auto
        (('crosses', 'stays out'), ('0', '1'), True)
        >>> build_choices({"column": "options"}).column, build_choices("none")
        ('options', None)
    """
    if content is None or content == "none":
        return None
    if content == "auto":
        return Choices(auto=True)
    if isinstance(content, str):
        return Choices(tuple(text.strip() for text in content.split(",")))
    if isinstance(content, Mapping):
        known = [item.name for item in fields(Choices)]
        if unknown := [str(key) for key in content if key not in known]:
            raise ValueError(f"unknown key {unknown[0]!r} (known: {', '.join(known)}).")
        flags = {key: str(content[key]).lower() == "true" for key in ("auto", "shown") if key in content}
        return Choices(_as_texts(content.get("options") or ()), content.get("column"), **flags)
    if isinstance(content, Sequence):
        return Choices(_as_texts(content))
    raise ValueError(f"expected a list of answers, {{column: NAME}}, auto or none, but got {content!r}.")


def _as_texts(options: Any) -> tuple[str, ...]:
    if isinstance(options, str) or not isinstance(options, Sequence):
        raise ValueError(f"expected a list of answers, but got {options!r}.")
    return tuple(str(option) for option in options)


def order_options(counts: Mapping[str, int]) -> tuple[str, ...]:
    """Return the different values of a column as options: numbers by value, else the most frequent first.

    Args:
        counts: How often each value occurs.

    Examples:
        >>> order_options({"1": 30, "0": 10}), order_options({"inactive": 30, "active": 10})
        (('0', '1'), ('inactive', 'active'))
    """
    try:
        return tuple(sorted(counts, key=float))
    except ValueError:
        return tuple(sorted(counts, key=lambda text: (-counts[text], text)))


def are_classes(counts: Mapping[str, int]) -> bool:
    """Return whether a column's values look like classes: 2 to 20 different ones, each on 5 rows on average.

    Numbers with a fraction are measurements, however few.

    Examples:
        >>> are_classes({"0": 30, "1": 10}), are_classes({"a": 1, "b": 1}), are_classes({"0.5": 30, "1.5": 10})
        (True, False, False)
    """
    if not 2 <= len(counts) <= MOST or sum(counts.values()) < _EACH * len(counts):
        return False
    try:
        return all(float(text).is_integer() for text in counts)
    except ValueError:
        return True


def list_options(options: Sequence[str]) -> str:
    r"""Return options for a message of one line, the first few of many.

    Examples:
        >>> list_options(["0", "1"]), list_options(list("abcdefgh")), list_options(["two\nlines", "b"])
        ('0, 1', 'a, b, c, d, e, ... h', 'two lines, b')
    """
    shown = options if len(options) <= 6 else [*options[:5], f"... {options[-1]}"]
    return ", ".join(" ".join(option.split()) for option in shown)


def show_options(text: str, options: Sequence[str]) -> str:
    r"""Return an input with its options behind it.

    Examples:
        >>> show_options("Which is a metal?", ["iron", "sulfur"])
        'Which is a metal?\nOptions: iron; sulfur'
    """
    return f"{text}\nOptions: {'; '.join(options)}"
