"""Runs on the same rows as one page, `compare.html`: their results, what differs between them, and rows that divide them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from markupsafe import Markup

from callbacks.reports.compare.answers import Key
from callbacks.reports.compare.groups import Compared, Group, Grouped, describe_alone
from callbacks.reports.compare.pairs import format_comparison, is_share, write_value
from callbacks.reports.compare.standings import Pair, Score, Standing
from callbacks.reports.compare.terminal_tables import (
    describe_repeated,
    find_repeated,
    format_p,
    is_by_opsin,
    word_metric,
)
from callbacks.reports.epoch_table import read_metrics, summarize_epochs
from callbacks.reports.page.curves import Chart, Point, Series, draw_chart
from callbacks.reports.page.predictions import find_kind, shorten
from callbacks.reports.page.sections import KIND_MEASURES, MEASURES, Estimate, estimate
from callbacks.reports.page.templates import make_environment, read_style, show_value
from callbacks.rows.headlines import HEADLINES
from datamodules.storage.atomic_write import whole_file

FILE = "compare.html"
MOST_ROWS = 60
"""Most rows that divide the runs and are shown."""
MOST_PAIRS = 60
"""Most pairs of a metric that are shown, those with the smallest p."""
Line = Mapping[str, str]


class Answer(NamedTuple):
    """A run's answer to a row that divides the runs."""

    run: str
    kind: str
    """`right`, `wrong` or `invalid`."""
    text: str


class Divided(NamedTuple):
    """A row that some runs have right and others not."""

    task: str
    input: str
    target: str
    right: int
    """How many runs have it right."""
    answers: Sequence[Answer]


def write_page(path: Path, found: Grouped) -> None:
    """Write the page; its folder is made if it does not exist."""
    path.parent.mkdir(parents=True, exist_ok=True)
    text = render(found)
    with whole_file(path) as file:
        file.write(text)


def render(found: Grouped) -> str:
    """Return the page; equal runs give equal text."""
    groups = [_fill_group(group) for group in found.groups]
    several = len(groups) > 1
    for number, group in enumerate(groups, start=1):
        group["end"] = f"-{number}" if several else ""
    total = sum(len(group.runs) for group in found.groups)
    content = {
        "title": f"{total} runs in {len(groups)} groups of the same rows" if several else groups[0]["title"],
        "style": Markup(read_style()),
        "groups": groups,
        "alone": describe_alone(found.alone) if found.alone else "",
        "nav": [(f"group-{n}", group["title"]) for n, group in enumerate(groups, start=1)] if several else groups[0]["nav"],
    }  # fmt: skip
    return make_environment(Path(__file__).parent).get_template("compare.html.jinja").render(content)


def _fill_group(group: Group) -> dict[str, Any]:
    """Return what the page shows of a group."""
    names = [run.name for run in group.runs]
    divided = find_divided(group.runs, group.shared)
    content = {
        "title": f"{len(group.runs)} runs on the same {len(group.shared):,} rows",
        "names": names,
        "sources": describe_tables(group.runs),
        "results": list_results(group.standings, group.units),
        "curves": draw_curves(group.runs),
        "flags": [
            (flag, [shorten(show_value(value), 200) for value in values])
            for flag, values in group.flags.items()
        ],
        "pairs": list_pairs(group.pairs, names, group.units),
        "divided": divided[:MOST_ROWS],
        "number_divided": len(divided),
    }
    titles = {"results": "Results", "curves": "Curves", "flags": "Flags", "pairs": "Pairs", "divided": "Rows"}
    return {**content, "nav": [(part, title) for part, title in titles.items() if content[part]]}


def describe_tables(runs: Sequence[Compared]) -> str:
    """Return which tables are compared, in a line.

    Examples:
        >>> describe_tables([Compared("a", "test_epoch_3.csv", None, {}), Compared("b", "test_epoch_3.csv", None, {})])
        'Each by its test_epoch_3.csv.'
    """
    if len({run.table for run in runs}) == 1:
        return f"Each by its {runs[0].table}."
    return "; ".join(f"{run.name}: {run.table}" for run in runs)


class Results(NamedTuple):
    """The table of a task's results."""

    task: str
    rows: int
    metrics: Sequence[str]
    lines: Sequence[Sequence[tuple[Estimate, bool]]]
    """For each run an estimate a metric, and whether it is the best."""
    repeated: Sequence[str]
    """Lines on metrics that have no column, since they would repeat one."""


def list_results(standings: Sequence[Standing], units: Mapping[str, str]) -> list[Results]:
    """Return the tables of results, one a task."""
    found = []
    for task in dict.fromkeys(one.task for one in standings):
        every = [one for one in standings if one.task == task]
        by_opsin = is_by_opsin([one.metric for one in every])
        repeated = find_repeated([(one.metric, (one.rows, *one.scores)) for one in every])
        of_task = [one for one in every if one.metric not in repeated]
        lines = [
            [(_estimate(one.scores[place], one.metric), bool((score := one.scores[place]) and score.best)) for one in of_task]
            for place in range(len(of_task[0].scores))
        ]  # fmt: skip
        found.append(
            Results(
                task,
                max(one.rows for one in of_task),
                [_name(one.metric, units.get(task, ""), by_opsin) for one in of_task],
                lines,
                describe_repeated(repeated, by_opsin),
            )
        )
    return found


def _name(metric: str, unit: str, by_opsin: bool) -> str:
    """Return a metric's name in words, that of an error with its unit."""
    known = {**MEASURES, **KIND_MEASURES}
    name = known.get(metric) or word_metric(metric, by_opsin)
    return f"{name} in {unit}" if unit and metric == HEADLINES["number"].metric else name


def _estimate(score: Score | None, metric: str) -> Estimate:
    if score is None:
        return Estimate("-")
    if not is_share(metric):
        bounds = (score.share, score.low, score.high)
        value, low, high = (write_value(one, metric) for one in bounds)
        return Estimate(f"{value} ({low} to {high})", *(bounds if metric == "auroc" else ()))
    return estimate({"share": score.share, "share_low": score.low, "share_high": score.high}, "share")


class Pairs(NamedTuple):
    """The table of a task's and metric's pairs."""

    task: str
    metric: str
    is_share: bool
    """Whether the metric is a share of rows that are right."""
    number: int
    """How many pairs there are, shown or not."""
    lines: Sequence[Sequence[str]]
    """Both names, the difference, the rows that only one has right, p and its correction."""


def list_pairs(pairs: Sequence[Pair], names: Sequence[str], units: Mapping[str, str]) -> list[Pairs]:
    """Return the tables of pairs by task and metric, each by growing p if there are more than fit."""
    groups: dict[tuple[str, str], list[Pair]] = {}
    for pair in pairs:
        groups.setdefault((pair.comparison.task, pair.comparison.metric), []).append(pair)
    found = []
    measured = list(groups)
    for (task, metric), members in groups.items():
        by_opsin = is_by_opsin([name for of, name in measured if of == task])
        shown = (
            members
            if len(members) <= MOST_PAIRS
            else sorted(members, key=lambda pair: pair.comparison.p)[:MOST_PAIRS]
        )
        lines = [
            [names[pair.first], names[pair.second], *format_comparison(pair.comparison), format_p(pair.corrected)]
            for pair in shown
        ]  # fmt: skip
        found.append(
            Pairs(task, _name(metric, units.get(task, ""), by_opsin), is_share(metric), len(members), lines)
        )
    return found


def draw_curves(runs: Sequence[Compared]) -> list[Chart]:
    """Return the curves of the runs whose folders have metrics: headlines and loss on the validation rows."""
    epochs = {
        run.name: summarize_epochs(read_metrics(run.folder / "metrics.csv"))
        for run in runs
        if run.folder is not None
    }

    def lines(column: str) -> list[Series]:
        return [
            Series(
                name,
                [Point(one["step"] or 0, value) for one in found if (value := one.get(column)) is not None],
            )
            for name, found in epochs.items()
        ]

    charts = [
        draw_chart("AUROC on validation rows", lines("auroc")),
        draw_chart("Mean absolute error on validation rows", lines("mae_all")),
        draw_chart("Exact match on validation rows", lines("exact_match"), percent=True),
        draw_chart("Loss on validation rows (nats per supervised token)", lines("val_loss")),
    ]
    return [chart for chart in charts if chart is not None]


def find_divided(runs: Sequence[Compared], shared: Sequence[Key]) -> list[Divided]:
    """Return the rows that some runs have right and others not, those that divide the runs most evenly first.

    A measured number is seldom hit exactly, so rows whose answers are numbers divide nothing.
    """
    found = []
    for key in shared:
        rows = [run.rows[key] for run in runs]
        if rows[0].get("output_notation") == "number":
            continue
        kinds = [find_kind(row) for row in rows]
        right = kinds.count("right")
        if 0 < right < len(runs):
            answers = [
                Answer(run.name, kind, shorten(row.get("prediction", "")))
                for run, row, kind in zip(runs, rows, kinds, strict=True)
            ]
            found.append(
                Divided(key[0], shorten(rows[0]["input"]), shorten(rows[0]["target"]), right, answers)
            )
    return sorted(found, key=lambda row: abs(2 * row.right - len(runs)))
