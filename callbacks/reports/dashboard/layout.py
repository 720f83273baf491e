"""What a project's W&B workspace and report show: a plain description, made without W&B and without a network."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, NamedTuple

BOUNDS = "(_low|_high)?"
"""What follows a metric's name in a pattern that takes its interval's bounds, too."""
TASK, FORMAT, BASE, ROWS = "facts.task", "facts.format", "facts.base", "facts.rows.train"
"""What runs are grouped by: names in their config."""


class Panel(NamedTuple):
    """A picture or a table."""

    kind: Literal["lines", "bars", "points", "table", "flags"]
    """Lines by step or epoch, a bar a run or group, a point a run, a table that the runs logged, or the flags that differ."""
    title: str
    metrics: tuple[str, ...] = ()
    """The names of the shown values; of a table its key."""
    pattern: str = ""
    """A regular expression of names in place of `metrics`."""
    x: str = ""
    """What lines and points are drawn against."""
    group: str = ""
    """What runs are grouped by: a name in their config; bars are then means."""
    log_x: bool = False


class Section(NamedTuple):
    """Panels on one question."""

    title: str
    text: str
    """What to see there, for the report."""
    panels: Sequence[Panel]


COLUMNS = (
    "summary:best/exact_match",
    "summary:best/exact_match_low",
    "summary:best/exact_match_high",
    "summary:best/validity",
    "summary:best/auroc",
    "summary:best/mae_all",
    *(
        f"config:facts.value.{name}"
        for name in ("task", "format", "base", "rows.train", "parameters", "table")
    ),
)
"""The columns of the table of runs."""


def describe_sections() -> list[Section]:
    """Return the sections of the workspace, which the report repeats with their texts."""
    return [
        Section(
            "Exact match and well-formed answers",
            "The shares of right and of well-formed answers on the validation rows, with the bounds of their 95 % intervals. "
            "`best/...` was measured with the weights that the run exported.",
            [
                _bars_with_bounds("Exact match of the exported weights", "best/exact_match"),
                _bars_with_bounds("Well-formed answers of the exported weights", "best/validity"),
                Panel("lines", "Exact match by epoch", ("val/exact_match",), x="epoch"),
                Panel("lines", "Exact match by task, with bounds", pattern=f"val/[^/]+/exact_match{BOUNDS}", x="epoch"),
                Panel("lines", "Well-formed answers, with bounds", pattern=f"val/[^/]+/validity{BOUNDS}", x="epoch"),
                Panel("lines", "Test: exact match, with bounds", pattern=f"test/[^/]+/exact_match{BOUNDS}", x="epoch"),
            ],
        ),
        Section(
            "Classes and numbers",
            "For tasks whose answers are classes or numbers, on the validation rows: how well the probabilities rank the "
            "classes, and how far the numbers are off, with the bounds of their 95 % intervals.",
            [
                _bars_with_bounds("AUROC of the exported weights", "best/auroc"),
                _bars_with_bounds("Mean absolute error of the exported weights", "best/mae_all"),
                Panel("lines", "AUROC by task, with bounds", pattern=f"val/[^/]+/auroc{BOUNDS}", x="epoch"),
                Panel("lines", "Balanced accuracy, with bounds", pattern=f"val/[^/]+/balanced_accuracy{BOUNDS}", x="epoch"),
                Panel("lines", "Log-loss by task, with bounds", pattern=f"val/[^/]+/log_loss{BOUNDS}", x="epoch"),
                Panel("lines", "Mean absolute error by task, with bounds", pattern=f"val/[^/]+/mae_all{BOUNDS}", x="epoch"),
                Panel("lines", "Test: AUROC, with bounds", pattern=f"test/[^/]+/auroc{BOUNDS}", x="epoch"),
                Panel("lines", "Test: mean absolute error, with bounds", pattern=f"test/[^/]+/mae_all{BOUNDS}", x="epoch"),
            ],
        ),
        Section(
            "Samples of predictions",
            "Rows of the latest evaluations with target, prediction, verdict and molecules.",
            [
                Panel("table", "Validation rows", ("val/predictions",)),
                Panel("table", "Test rows", ("test/predictions",)),
            ],
        ),
        Section(
            "Runs by format, base and data size",
            "Exact match of the exported weights, runs side by side. Bars of several runs are means, with their range.",
            [
                Panel("bars", "Exact match by format", ("best/exact_match",), group=FORMAT),
                Panel("bars", "Exact match by base", ("best/exact_match",), group=BASE),
                Panel("bars", "Exact match by training rows", ("best/exact_match",), group=ROWS),
                Panel("points", "Exact match and training rows", ("best/exact_match",), x=ROWS, log_x=True),
                Panel("points", "Exact match and parameters", ("best/exact_match",), x="facts.parameters", log_x=True),
                Panel("flags", "Flags that differ"),
            ],
        ),
        Section(
            "Training",
            "Loss, learning rate and speed by optimizer step.",
            [
                Panel("lines", "Training loss (nats per supervised token)", ("train/loss",), x="trainer/global_step"),
                Panel("lines", "Validation loss", ("val/loss",), x="epoch"),
                Panel("lines", "Learning rate", ("train/lr",), x="trainer/global_step"),
                Panel("lines", "Rows a second", ("train/rows_per_second",), x="trainer/global_step"),
            ],
        ),
    ]  # fmt: skip


def _bars_with_bounds(title: str, name: str) -> Panel:
    return Panel("bars", title, (name, f"{name}_low", f"{name}_high"))


def print_layout(project: str, sections: Sequence[Section]) -> list[str]:
    """Return the layout as lines of text.

    Examples:
        >>> lines = print_layout("names", [Section("Training", "", [Panel("lines", "Loss", ("train/loss",), x="epoch")])])
        >>> lines[0], lines[1:3]
        ('workspace and report of the project names', ['Training', '  lines   Loss: train/loss by epoch'])
    """
    lines = [f"workspace and report of the project {project}"]
    for section in sections:
        lines.append(section.title)
        for panel in section.panels:
            shown = ", ".join(panel.metrics) or (
                f"all that match {panel.pattern}" if panel.pattern else "of the runs' config"
            )
            against = "".join(f" by {name}" for name in (panel.x, panel.group) if name)
            lines.append(f"  {panel.kind:<7} {panel.title}: {shown}{against}")
    return [*lines, f"columns of runs: {', '.join(COLUMNS)}"]
