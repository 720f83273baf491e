"""The plot of docs/speed.md: seconds to prepare data over the number of rows, on logarithmic axes."""

from __future__ import annotations

import statistics
import sys
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path

from bench.speed.results import Result

COLOURS = {"molecules": "#0b6e99", "spellings": "#d9730d", "text": "#448361"}
STYLES = {"cold": "-", "warm": ":"}


def series(results: Sequence[Result]) -> dict[tuple[str, str], list[tuple[int, float]]]:
    """Return for each (case, start) the sizes, ascending, with the median seconds of the data over rounds."""
    found: dict[tuple[str, str], dict[int, list[float]]] = defaultdict(lambda: defaultdict(list))
    for result in results:
        found[result["case"], result["start"]][result["rows"]].append(result["data"])
    return {
        key: sorted((rows, statistics.median(seconds)) for rows, seconds in sizes.items())
        for key, sizes in found.items()
    }


def draw_data(results: Sequence[Result], path: Path) -> None:
    """Draw the curve; equal results give equal files. Without matplotlib the picture stays unchanged."""
    if not results:
        return
    try:
        import matplotlib.figure

        from bench.svg import tidy, write_svg
    except ModuleNotFoundError:
        sys.stderr.write(f"{path} stays unchanged: drawing needs matplotlib (pip install -e '.[bench]').\n")
        return
    figure = matplotlib.figure.Figure(figsize=(6.4, 3.8))
    axes = figure.add_subplot()
    lines = series(results)
    for (case, start), points in lines.items():
        axes.plot(
            [rows for rows, _ in points], [seconds for _, seconds in points], STYLES[start], marker="o",
            color=COLOURS[case], label=f"{case}, {start}",
        )  # fmt: skip
    # Through the last point of the slowest line. Further left, that line lies above this one if it grows sublinearly.
    largest, seconds = max((points[-1] for points in lines.values()), key=lambda point: point[1])
    sizes = [rows for points in lines.values() for rows, _ in points]
    axes.plot(
        [min(sizes), largest],
        [seconds * min(sizes) / largest, seconds],
        "--",
        color="#787774",
        label="linear (slope 1)",
    )
    axes.set_xscale("log")
    axes.set_yscale("log")
    axes.set_xlabel("rows")
    axes.set_ylabel("seconds of the data")
    axes.legend(frameon=False, fontsize=8)
    tidy(axes, "From a csv to tokens, split and ready")
    path.parent.mkdir(parents=True, exist_ok=True)
    write_svg(figure, path)
