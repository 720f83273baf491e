"""SVG files: equal figures give equal files."""

from __future__ import annotations

import base64
import io
from pathlib import Path
from typing import IO, Any

import matplotlib as mpl
from matplotlib.figure import Figure


def write_svg(figure: Figure, file: IO[bytes] | Path) -> None:
    """Write a figure as SVG; equal figures give equal files."""
    with mpl.rc_context({"svg.hashsalt": "patois", "svg.fonttype": "path"}):
        figure.savefig(file, format="svg", bbox_inches="tight", metadata={"Date": None})


def as_svg(figure: Figure) -> bytes:
    """Return a figure as SVG; equal figures give equal bytes."""
    file = io.BytesIO()
    write_svg(figure, file)
    return file.getvalue()


def as_uri(svg: bytes) -> str:
    """Return an SVG as a data URI."""
    return "data:image/svg+xml;base64," + base64.b64encode(svg).decode()


def tidy(axes: Any, title: str) -> None:
    """Set the title of axes, and remove lines that show no data."""
    axes.set_title(title, loc="left", fontsize=11)
    axes.grid(alpha=0.25)
    for side in ("top", "right"):
        axes.spines[side].set_visible(False)
