from __future__ import annotations

import re

from callbacks.loggers.terminal_text import printable
from callbacks.metrics.learning_rate import NAME
from callbacks.metrics.throughput import Throughput
from callbacks.reports.dashboard.facts import GROUP, rename_best
from callbacks.reports.dashboard.layout import COLUMNS, describe_sections, print_layout

PANELS = [panel for section in describe_sections() for panel in section.panels]


def test_layout_has_what_a_project_is_asked_about() -> None:
    titles = [section.title for section in describe_sections()]
    assert titles == [
        "Exact match and well-formed answers", "Classes and numbers", "Samples of predictions",
        "Runs by format, base and data size", "Training",
    ]  # fmt: skip
    assert {panel.metrics[0] for panel in PANELS if panel.kind == "table"} == {"val/predictions", "test/predictions"}  # fmt: skip
    groups = {panel.group for panel in PANELS if panel.group}
    assert groups == {f"{GROUP}.format", f"{GROUP}.base", f"{GROUP}.rows.train"}
    assert len({panel.title for panel in PANELS}) == len(PANELS)


def test_bounds_stand_beside_exact_match_and_validity() -> None:
    bars = [panel.metrics for panel in PANELS if panel.kind == "bars" and not panel.group]
    names = ("exact_match", "validity", "auroc", "mae_all")
    assert bars == [(f"best/{name}", f"best/{name}_low", f"best/{name}_high") for name in names]
    patterns = [re.compile(panel.pattern) for panel in PANELS if panel.pattern]
    ends = ("val/t/exact_match", "val/t/exact_match_low", "val/t/validity_high", "test/t/exact_match")
    ends += ("val/t/auroc_low", "test/t/mae_all")
    for name in ends:
        assert sum(pattern.fullmatch(name) is not None for pattern in patterns) == 1
    assert not any(pattern.fullmatch("val/t/exact_match_canonical") for pattern in patterns)


def test_shown_values_are_ones_that_runs_log() -> None:
    shown = ("exact_match", "validity", "auroc", "mae_all")
    measured = [f"val/{name}" for name in (*shown, "loss")]
    bounds = [f"val/t/{name}{end}" for name in shown for end in ("", "_low", "_high")]
    best = rename_best(dict.fromkeys([*measured, *bounds], 0.5), epoch=1)
    known = {*measured, *best, "train/loss", NAME, "val/predictions", "test/predictions"}
    known |= {f"train/{name}" for name in Throughput.names}
    assert {name for panel in PANELS for name in panel.metrics} <= known
    assert {name.partition(":")[2] for name in COLUMNS if name.startswith("summary:")} <= set(best)


def test_layout_is_printed_a_line_a_panel() -> None:
    lines = print_layout("names", describe_sections())
    assert len(lines) == 2 + len(describe_sections()) + len(PANELS)
    assert "  bars    Exact match by format: best/exact_match by facts.format" in lines
    assert all(printable(line) == line for line in lines)
