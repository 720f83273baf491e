"""Everything that a run says on the terminal goes through `say`: whole lines, above a progress line, none if it is quiet."""

from __future__ import annotations

import codecs
import io
import os
import shutil
import sys
import textwrap
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.console import RenderableType

QUIET = "PATOIS_QUIET"
"""The environment variable that `--quiet` sets, so that the ranks that Lightning starts are quiet, too."""
STDOUT = "PATOIS_STDOUT"
"""The environment variable with the file that stands for standard output in `predict --output -`, on all ranks."""
_RANKS = ("RANK", "LOCAL_RANK", "NODE_RANK", "SLURM_PROCID")


def is_quiet() -> bool:
    """Return whether only errors and the last line are printed."""
    return bool(os.environ.get(QUIET))


@contextmanager
def quiet(wanted: bool) -> Iterator[None]:
    """Print only errors and the last line in here, if wanted."""
    before = os.environ.get(QUIET)
    if wanted:
        os.environ[QUIET] = "1"
    try:
        yield
    finally:
        if wanted and before is None:
            del os.environ[QUIET]


@contextmanager
def without_transformers_bars() -> Iterator[None]:
    """Hide transformers' progress bars in here: those of reading and writing a few files only stand between other lines."""
    from transformers.utils import logging

    shown = logging.is_progress_bar_enabled()
    logging.disable_progress_bar()
    try:
        yield
    finally:
        if shown:
            logging.enable_progress_bar()


def accept_any_text() -> None:
    r"""Let standard output take any character: one that its encoding lacks is written as `\u27e6`, not an error.

    On Windows redirected output has the encoding of the country, such as cp1252.
    """
    if isinstance(sys.stdout, io.TextIOWrapper) and codecs.lookup(sys.stdout.encoding).name != "utf-8":
        sys.stdout.reconfigure(errors="backslashreplace")


def is_first_process(environment: Mapping[str, str]) -> bool:
    """Return whether a process is the only one of a run or its first rank, before Lightning knows it.

    Examples:
        >>> is_first_process({}), is_first_process({"RANK": "0", "LOCAL_RANK": "0"}), is_first_process({"LOCAL_RANK": "1"})
        (True, True, False)
    """
    return not any(int(environment.get(name) or 0) for name in _RANKS)


def say(
    what: RenderableType,
    *,
    error: bool = False,
    style: str | None = None,
    last: bool = False,
    wrap: bool = True,
) -> None:
    """Print a text, or a table of rich's.

    The line goes through `sys.stdout` or `sys.stderr` as they are now: rich's consoles write past the streams that a
    progress line has replaced, and their text would stand on its line.

    Args:
        what: A text is wrapped between words on a terminal, and left as it is in a pipe or a file. A table wider than the
            terminal keeps its width: cut columns would be lost in a log.
        error: Print to standard error.
        style: Style of rich's, such as `yellow`; none in a pipe or a file.
        last: Also print it if the run is quiet.
        wrap: False leaves a text on a terminal as it is, such as a command to copy.
    """
    if is_quiet() and not last:
        return
    stream = sys.stderr if error else sys.stdout
    if isinstance(what, str) and style is None:
        wide = not (wrap and stream.isatty())
        stream.write((what if wide else wrap_text(what, shutil.get_terminal_size().columns)) + "\n")
        stream.flush()
        return
    # Here, since rich before Lightning turns whole numbers of flags into 2.0: `typing` keeps one order of int and float.
    from rich.console import Console

    console = Console(stderr=error)
    if isinstance(what, str):
        if wrap and console.is_terminal:
            what = wrap_text(what, console.width)
        options = {"markup": False, "highlight": False, "soft_wrap": True}
    else:
        console = Console(stderr=error, width=max(console.width, _natural_width(what)))
        options = {}
    with console.capture() as captured:
        console.print(what, style=style, **options)  # type: ignore[arg-type]
    stream.write(captured.get())
    stream.flush()


def fits_terminal(table: RenderableType) -> bool:
    """Return whether a table fits the terminal without being folded or cut."""
    from rich.console import Console

    return _natural_width(table) <= Console().width


def _natural_width(table: RenderableType) -> int:
    """Return the width of a table in characters when nothing in it is folded or cut."""
    from rich.console import Console

    return Console(width=1_000).measure(table).maximum


def wrap_text(text: str, width: int) -> str:
    r"""Return a text in lines of at most `width` characters, broken at blanks; a longer word, such as a path, stays whole.

    Further lines of a line are indented by two more blanks than its first.

    Examples:
        >>> wrap_text("Data: runs/a.csv (120 rows)\nok", 20)
        'Data: runs/a.csv\n  (120 rows)\nok'
    """
    lines = []
    for line in text.split("\n"):
        indent = line[: len(line) - len(line.lstrip())] + "  "
        lines += (
            textwrap.wrap(
                line, width, subsequent_indent=indent, break_long_words=False, break_on_hyphens=False
            )
            if len(line) > width
            else [line]
        )
    return "\n".join(lines)


def cut(text: str, width: int) -> str:
    """Return the beginning of a text that fits, with an ellipsis if it is cut.

    Examples:
        >>> cut("propan-2-ol", 20), cut("propan-2-ol", 8)
        ('propan-2-ol', 'propan-…')
    """
    return text if len(text) <= width else f"{text[: max(0, width - 1)]}…"
