"""Draw a run as one picture, from the files it wrote: `python -m callbacks.reports.dashboard runs/x --output x.png`.

Needs matplotlib (`pip install -e ".[plots]"`).
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from callbacks.reports.run_history import History, read_history
from callbacks.rows.drawing import draw
from callbacks.rows.notation_calls import NotationCalls
from datamodules.storage.safe_csv import read_csv

INK, QUIET, GRID, PAPER, PANEL = "#1c2733", "#6b7885", "#e4e9ee", "#f5f7f9", "#ffffff"
COLOURS = ("#2f6fde", "#e07b39", "#2a9d74", "#b3478c", "#8a6fd1", "#c7a02b")
VERDICT_COLOURS = {"exact": "#2a9d74", "wrong": "#c8503c", "invalid": "#8b949e"}
SHOWN = 6


def choose_rows(rows: Sequence[dict[str, str]], count: int = SHOWN) -> list[dict[str, str]]:
    """Return at most `count` rows of a prediction table, taken from each verdict in turn, in the table's order."""
    by_verdict: dict[str, list[dict[str, str]]] = {}
    for row in rows:
        by_verdict.setdefault(row["verdict"], []).append(row)
    order = sorted(
        by_verdict,
        key=lambda verdict: (verdict != "exact", verdict in ("wrong", "invalid"), verdict == "invalid"),
    )
    chosen: list[dict[str, str]] = []
    for depth in range(count):
        chosen += [by_verdict[verdict][depth] for verdict in order if depth < len(by_verdict[verdict])]
    return chosen[:count]


def last_predictions(run: Path) -> tuple[list[dict[str, str]], str]:
    """Return the rows of the latest prediction table in a run's folder, and its name; empty if there is none.

    A table of `fit` is preferred to one of `validate`, and that to one of `test`.
    """
    folders = [run / part / "predictions" for part in ("test", "validate", ".")]
    files = [path for folder in folders for path in sorted(folder.glob("*_epoch_*.csv"), key=_epoch)]
    return (read_csv(files[-1]), files[-1].name) if files else ([], "")


def _epoch(path: Path) -> int:
    return int(path.stem.rpartition("_")[2])


def spread_over_epochs(points: Sequence[tuple[float, float]]) -> tuple[list[float], list[float]]:
    """Return x and y of values logged within epochs: the i-th of n in epoch e is placed at e + (i + 1) / n."""
    counts: dict[float, int] = {}
    for epoch, _ in points:
        counts[epoch] = counts.get(epoch, 0) + 1
    seen: dict[float, int] = {}
    xs = []
    for epoch, _ in points:
        seen[epoch] = seen.get(epoch, 0) + 1
        xs.append(epoch + seen[epoch] / counts[epoch])
    return xs, [value for _, value in points]


def _import_matplotlib() -> Any:
    try:
        import matplotlib
    except ModuleNotFoundError as error:
        raise SystemExit('The dashboard needs matplotlib: pip install -e ".[plots]"') from error
    matplotlib.use("Agg")
    matplotlib.rcParams.update(
        {
            "font.family": "DejaVu Sans", "font.size": 10, "text.color": INK, "axes.labelcolor": QUIET,
            "xtick.color": QUIET, "ytick.color": QUIET, "axes.edgecolor": GRID, "axes.facecolor": PANEL,
            "figure.facecolor": PAPER, "axes.grid": True, "grid.color": GRID, "axes.axisbelow": True,
            "axes.spines.top": False, "axes.spines.right": False, "axes.titlelocation": "left",
            "axes.titleweight": "bold", "axes.titlesize": 11, "legend.frameon": False, "legend.fontsize": 8.5,
        }
    )  # fmt: skip
    import matplotlib.pyplot as plt

    return plt


def draw_dashboard(run: Path, output: Path) -> None:
    """Write the picture of the run in folder `run` to `output` (png, svg or pdf).

    Raises:
        ValueError: If the folder holds no logged metrics.
    """
    history, source = read_history(run)
    rows, table = last_predictions(run)
    chosen = choose_rows(rows)
    plt = _import_matplotlib()
    figure = plt.figure(figsize=(15, 5.1 + (4.9 if chosen else 0)), dpi=110)
    above, below = figure.add_gridspec(
        2,
        1,
        height_ratios=(1, 1.2 if chosen else 1e-3),
        left=0.045,
        right=0.975,
        top=0.86,
        bottom=0.035,
        hspace=0.24,
    )
    figure.text(0.045, 0.955, run.resolve().name, fontsize=18, weight="bold", va="center")
    figure.text(0.045, 0.917, f"from {source}" + (f" and {table}" if table else ""), color=QUIET, va="center")
    panels = [figure.add_subplot(cell) for cell in above.subgridspec(1, 4, wspace=0.22)]
    _draw_loss(panels[0], history)
    _draw_share(panels[1], history, "exact_match", "Exact match, 95 % interval")
    _draw_share(panels[2], history, "validity", "Validity, 95 % interval")
    _draw_speed(panels[3], history)
    for panel in panels:
        panel.set_xlabel("epochs")
        panel.tick_params(length=0)
        panel.set_xlim(0, 1.02 * max(epoch for points in history.values() for epoch, _ in points) + 1.02)
    if chosen:
        calls = NotationCalls()
        for cell, row in zip(below.subgridspec(2, SHOWN // 2, wspace=0.06, hspace=0.1), chosen, strict=False):
            _draw_prediction(calls, figure.add_subplot(cell), row)
        calls.close()
    output.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(output, facecolor=PAPER)
    plt.close(figure)


def _draw_loss(panel: Any, history: History) -> None:
    panel.set_title("Loss per supervised token (nats)")
    if "train/loss" in history:
        xs, ys = spread_over_epochs(history["train/loss"])
        panel.plot(xs, ys, color=COLOURS[0], alpha=0.35, linewidth=1, label="train")
    if "val/loss" in history:
        xs, ys = spread_over_epochs(history["val/loss"])
        panel.plot(xs, ys, color=COLOURS[0], linewidth=2, marker="o", markersize=4, label="validation")
    panel.set_ylim(bottom=0)
    panel.legend(loc="upper right")


def _draw_share(panel: Any, history: History, metric: str, title: str) -> None:
    panel.set_title(title)
    names = [
        name
        for name in history
        if name.startswith("val/") and name.endswith(f"/{metric}") and name.count("/") == 2
    ]
    for colour, name in zip(COLOURS, names, strict=False):
        xs, ys = spread_over_epochs(history[name])
        panel.plot(xs, ys, color=colour, linewidth=2, marker="o", markersize=4, label=name.split("/")[1])
        bounds = [spread_over_epochs(history.get(f"{name}_{bound}", [])) for bound in ("low", "high")]
        if all(len(values) == len(ys) for _, values in bounds):
            panel.fill_between(xs, bounds[0][1], bounds[1][1], color=colour, alpha=0.15, linewidth=0)
        panel.annotate(
            f"{ys[-1]:.1%}".replace("%", " %"), (xs[-1], ys[-1]), xytext=(-2, 9), textcoords="offset points",
            color=colour, weight="bold", ha="right",
        )  # fmt: skip
    panel.set_ylim(0, 1.04)
    panel.yaxis.set_major_formatter(lambda value, _: f"{value:.0%}".replace("%", " %"))
    if names:
        panel.legend(loc="lower right")


def _draw_speed(panel: Any, history: History) -> None:
    panel.set_title("Training speed (tokens/s)")
    for colour, name, label in (
        (COLOURS[1], "train/supervised_tokens_per_second", "supervised"),
        (COLOURS[2], "train/tokens_per_second", "all"),
    ):
        if name in history:
            xs, ys = spread_over_epochs(history[name])
            panel.plot(xs, ys, color=colour, linewidth=2, marker="o", markersize=4, label=label)
    panel.set_ylim(bottom=0)
    panel.yaxis.set_major_formatter(lambda value, _: f"{value:,.0f}")
    if panel.get_legend_handles_labels()[0]:
        panel.legend(loc="lower right")


def _draw_prediction(calls: NotationCalls, panel: Any, row: dict[str, str]) -> None:
    """Draw one row as a card: its molecules as pictures, with all three texts below or beside them."""
    panel.set(xticks=[], yticks=[], xlim=(0, 1), ylim=(0, 1))
    panel.grid(False)
    for spine in panel.spines.values():
        spine.set(visible=True, color=GRID)
    colour = VERDICT_COLOURS.get(row["verdict"], COLOURS[0])
    panel.text(
        0.975, 0.93, row["verdict"], ha="right", va="top", color="white", fontsize=8.5, weight="bold",
        bbox={"boxstyle": "round,pad=0.35", "facecolor": colour, "edgecolor": "none"},
    )  # fmt: skip
    notations = {
        "input": row["input_notation"],
        "target": row["output_notation"],
        "prediction": row["output_notation"],
    }
    pictures = {column: draw(calls, notations[column], row[column], (420, 300)) for column in notations}
    shown = [column for column in notations if pictures[column] is not None]
    if row["prediction"] == row["target"] and "prediction" in shown:
        shown.remove("prediction")
    for place, column in enumerate(shown):
        width = 0.86 / max(2, len(shown))
        inset = panel.inset_axes((0.02 + place * width, 0.36, width - 0.02, 0.53))
        inset.imshow(pictures[column])
        inset.axis("off")
        panel.text(0.03 + place * width, 0.945, column, fontsize=8, color=QUIET, va="center", zorder=6)
    height = 0.29 if shown else 0.65
    for line, column in enumerate(notations):
        y = height - line * 0.105
        panel.text(0.03, y, column, fontsize=8, color=QUIET, va="center")
        panel.text(
            0.2, y, shorten(row[column]), fontsize=8.5, va="center", family="DejaVu Sans Mono", parse_math=False,
            color=colour if column == "prediction" else INK,
        )  # fmt: skip


def shorten(text: str, longest: int = 46) -> str:
    r"""Return `text` on one line, cut in the middle if it is too long.

    Examples:
        >>> shorten("2-acetyloxybenzoic\nacid", longest=13), shorten("")
        ('2-acet…c acid', '(empty)')
    """
    text = " ".join(text.split()) or "(empty)"
    half = (longest - 1) // 2
    return text if len(text) <= longest else f"{text[:half]}…{text[-half:]}"


def main(arguments: Sequence[str] | None = None) -> None:
    """Read the command line and draw."""
    parser = argparse.ArgumentParser(description="Draw a run as one picture, from the files in its folder.")
    parser.add_argument("run", type=Path, help="the run's folder, runs/NAME")
    parser.add_argument("--output", type=Path, default=Path("dashboard.png"), help="png, svg or pdf")
    options = parser.parse_args(arguments)
    try:
        draw_dashboard(options.run, options.output)
    except ValueError as error:
        parser.error(str(error))


if __name__ == "__main__":
    main()
