"""One line for an error that Lightning, PyTorch or the parser raises about a user's configuration."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import lightning
from lightning.fabric.utilities.exceptions import MisconfigurationException

_LIGHTNING = Path(lightning.__file__).parent
_CALLBACKS = _LIGHTNING / "pytorch" / "callbacks"
_ABOUT_TYPES = re.compile(
    r"^(Expected an? |Not a valid subclass|Import path .* does not correspond|Subclass types expect|Does not validate)"
)


def shorten(error: BaseException) -> str:
    r"""Return the reason in an error's message, in one line.

    jsonargparse tries each type that a flag can have, and lists why each did not fit. The one that the user meant has a
    reason of its own.

    Examples:
        >>> shorten(ValueError("Does not validate against any of the Union subtypes\nErrors:\n  - Expected a <class 'bool'>\n"
        ...     "  - Problem with given class_path 'x.Mine':\n      No such file.\n  - Expected a <class 'NoneType'>"))
        'x.Mine: No such file.'
    """
    text = str(error).strip()
    if "Errors:" in text:
        listed = text.partition("Errors:\n")[2].partition("\nGiven value type")[0]
        reasons = [
            reason.strip() for reason in re.split(r"^ *- ", listed, flags=re.MULTILINE) if reason.strip()
        ]
        text = next((reason for reason in reasons if not _ABOUT_TYPES.match(reason)), text)
    text = re.sub(r"Problem with given class_path '([^']*)':\s*", r"\1: ", text)
    return " ".join(text.split()) or type(error).__name__


@contextmanager
def told_in_one_line() -> Iterator[None]:
    """Turn an error about the configuration, while its objects are made, into a ValueError of one line.

    Raises:
        ValueError: In place of the error.
    """
    try:
        yield
    except (MisconfigurationException, ImportError, TypeError, ValueError) as error:
        if "\n" not in str(error).strip() and not _is_raised_in(error, _LIGHTNING):
            raise
        reason = shorten(error)
        own = reason.startswith(("Expected --", "--"))
        raise ValueError(reason if own else f"This configuration does not work: {reason}") from error


def is_about_configuration(error: BaseException) -> bool:
    """Return whether an error of Lightning's, while a run goes on, is a user's mistake."""
    if isinstance(error, MisconfigurationException):
        return True
    if isinstance(error, ValueError):
        return _is_raised_in(error, _LIGHTNING)
    return isinstance(error, RuntimeError) and _is_raised_in(error, _CALLBACKS)


def _is_raised_in(error: BaseException, folder: Path) -> bool:
    trace = error.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    return trace is not None and Path(trace.tb_frame.f_code.co_filename).is_relative_to(folder)
