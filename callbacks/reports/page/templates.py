"""What every page of ours shares: the templates' environment, the style sheet, and how values are written."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup, escape

from callbacks.reports.page import curves

PAGE = Path(__file__).parent
"""The folder of the shared templates, `parts.html.jinja` among them."""


def read_style() -> str:
    """Return the style sheet, which the pages of studies share, too."""
    return (PAGE / "style.css").read_text(encoding="utf-8")


def make_environment(*folders: Path) -> Environment:
    """Return the environment of a page whose template is in one of some folders, or in this one.

    Args:
        folders: Further folders of templates.
    """
    environment = Environment(
        loader=FileSystemLoader([*folders, PAGE]), autoescape=True, undefined=StrictUndefined, trim_blocks=True,
        lstrip_blocks=True, finalize=_write_value,
    )  # fmt: skip
    sizes = {"width": curves.WIDTH, "height": curves.HEIGHT, "left": curves.LEFT, "right": curves.RIGHT}
    environment.globals.update(sizes)
    environment.filters["breakable"] = break_names
    return environment


def break_names(value: Any) -> Markup:
    """Return a value whose names and paths a narrow page may break, but between their words.

    Examples:
        >>> print(break_names("name_small/<b>"), break_names("--model.lr"), break_names(0.05))
        name_<wbr>small/<wbr>&lt;b&gt; --model.<wbr>lr 0.05
    """
    shown = str(escape(_write_value(str(value))))
    return Markup(re.sub(r"([_/.])(?=[a-zA-Z&])", r"\1<wbr>", shown))


def _write_value(value: Any) -> Any:
    """Return a value as the page shows it: a text as one that every file can hold, without secrets of the environment."""
    if isinstance(value, str) and not isinstance(value, Markup):
        return "".join(letter if letter.isprintable() or letter in "\n\t" else "\ufffd" for letter in value)
    return value


def show_value(value: Any) -> str:
    """Return the value of a flag in words.

    Examples:
        >>> show_value(None), show_value(True), show_value(0.1)
        ('none', 'true', '0.1')
    """
    return "none" if value is None else str(value).lower() if isinstance(value, bool) else str(value)
