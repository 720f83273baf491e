"""The tables of a comparison for a terminal of 80 columns."""

from __future__ import annotations

from collections.abc import Collection, Hashable, Mapping, Sequence

from rich import box
from rich.markup import escape
from rich.table import Table

from callbacks.loggers.terminal_text import printable
from callbacks.reports.compare.pairs import Comparison, format_comparison, is_share, write_value
from callbacks.reports.compare.standings import Pair, Score, Standing
from callbacks.reports.page.predictions import shorten
from callbacks.rows.check_words import READ
from callbacks.rows.headlines import headline_of_metrics

HEADLINES = ("exact_match", "valid")
"""The metrics of the table of all runs; `readable` stands for `valid` where OPSIN read all answers."""
KIND_HEADLINES: Mapping[str, Sequence[str]] = {
    "auroc": ("auroc", "exact_match"),
    "mae_all": ("mae_all", "valid"),
}
"""Those of tasks with another headline, by it; with choices, exact match is the accuracy."""
WORDS = {"exact_match": "exact match", "valid": "well-formed", "readable": READ}
"""What metrics are called for people, where that is not their name."""
_OF_NAMES = {"": "right", "tautomer": "right tautomer", "without_stereo": "right but for stereo"}
"""Round trips of names, by their notion: a molecule that OPSIN reads is right, as in the table of a test."""
_SAME = {"canonical": "same molecule", "inchikey": "same InChIKey", "normalized": "same normalized"}
_NAME, _PAIR_NAME, _METRIC, _DIFFERENCE, _COUNTS, _UNIT = 21, 9, 21, 25, 10, 13
"""Most letters of a run's name in the table of all runs and in that of pairs; of a metric's name, a difference and
the rows that only one of two runs has right before they are folded; and of a unit: 80 columns hold the rest, too."""


def choose_headlines(standings: Sequence[Standing], task: str) -> list[Standing]:
    """Return the standings of a task that its table shows."""
    by_metric = {one.metric: one for one in standings if one.task == task}
    names = [name if name in by_metric else "readable" for name in HEADLINES]
    shown = KIND_HEADLINES.get(headline_of_metrics(by_metric).metric, names)
    return [by_metric[name] for name in shown if name in by_metric]


def word_metric(metric: str, by_opsin: bool = True) -> str:
    """Return what a share is called for people.

    Args:
        metric: Its name in files.
        by_opsin: Whether round trips are of names, by OPSIN; else of answers, by a forward model.

    Examples:
        >>> word_metric("exact_match"), word_metric("exact_match_canonical"), word_metric("exact_match_without_stress")
        ('exact match', 'same molecule', 'same without stress')
        >>> word_metric("round_trip"), word_metric("round_trip", by_opsin=False), word_metric("readable")
        ('right', 'round trip', 'read by OPSIN')
    """
    if metric.startswith("exact_match_"):
        notion = metric.removeprefix("exact_match_")
        return _SAME.get(notion, f"same {notion.replace('_', ' ')}")
    if metric.startswith("round_trip") and by_opsin:
        notion = metric.removeprefix("round_trip").removeprefix("_")
        return _OF_NAMES.get(notion, f"right {notion.replace('_', ' ')}")
    return WORDS.get(metric, metric.replace("_", " "))


def is_by_opsin(metrics: Collection[str]) -> bool:
    """Return whether a task with some metrics has names that OPSIN was to read."""
    return "readable" in metrics


def find_repeated(lines: Sequence[tuple[str, Hashable]]) -> dict[str, str]:
    """Return the notions of "right" that only say again what an earlier one of a task says, with that one.

    Args:
        lines: Each metric of the task, and all that a table shows of it.

    Examples:
        >>> find_repeated([("exact_match", 1), ("exact_match_normalized", 1), ("round_trip", 2), ("valid", 1)])
        {'exact_match_normalized': 'exact_match'}
    """
    first: dict[Hashable, str] = {}
    found = {}
    for metric, shown in lines:
        if not metric.startswith(("exact_match", "round_trip")):
            continue
        if shown in first:
            found[metric] = first[shown]
        else:
            first[shown] = metric
    return found


def describe_repeated(repeated: Mapping[str, str], by_opsin: bool) -> list[str]:
    """Return a line for the metrics that a table leaves out.

    Examples:
        >>> describe_repeated({"exact_match_normalized": "exact_match"}, True)
        ['same normalized: as exact match']
    """
    firsts = dict.fromkeys(repeated.values())
    return [
        f"{', '.join(word_metric(name, by_opsin) for name, other in repeated.items() if other == first)}: "
        f"as {word_metric(first, by_opsin)}"
        for first in firsts
    ]


def name_metric(metric: str, unit: str = "", by_opsin: bool = True) -> str:
    """Return the name of a metric in a table: a headline's own with its unit, `%` behind a share.

    Examples:
        >>> name_metric("auroc"), name_metric("mae_all", "°C"), name_metric("valid"), name_metric("readable")
        ('AUROC', 'MAE in °C', 'well-formed %', 'read by OPSIN %')
    """
    if is_share(metric):
        return f"{word_metric(metric, by_opsin)} %"
    headline = headline_of_metrics({metric})
    return (
        f"{headline.label} in {shorten(unit, _UNIT)}" if unit and headline.mode == "min" else headline.label
    )


def tabulate_runs(standings: Sequence[Standing], task: str, names: Sequence[str], unit: str = "") -> Table:
    """Return the table of a task: a line a run, its shares with their intervals, the best of a column marked by a star.

    The runs have numbers, since long names are cut.
    """
    shown = choose_headlines(standings, task)
    title = f"{printable(task)}, {max(one.rows for one in shown):,} rows" if shown else printable(task)
    table = _make_table(
        ["run", *(f"{name_metric(one.metric, unit)} (95 %)" for one in shown)], left=1, title=title
    )
    for place, name in enumerate(names):
        table.add_row(
            _number(place, name, _NAME), *(format_score(one.scores[place], one.metric) for one in shown)
        )
    return table


def _number(place: int, name: str, longest: int) -> str:
    return escape(f"{place + 1} {shorten(name, longest)}")


def format_score(score: Score | None, metric: str = HEADLINES[0]) -> str:
    """Return a share in percent, or another metric's value, with its interval; a star marks the best.

    Examples:
        >>> format_score(Score(0.612, 0.58, 0.643, best=True)), format_score(None)
        ('61.2 (58.0 to 64.3) *', '-')
    """
    if score is None:
        return "-"
    value, low, high = (write_value(one, metric) for one in (score.share, score.low, score.high))
    return f"{value} ({low} to {high}) {'*' if score.best else ' '}"


def tabulate_pairs(pairs: Sequence[Pair], names: Sequence[str]) -> Table:
    """Return the table of pairs of runs: the difference, the rows that only one has right, and the corrected p."""
    header = ["first", "second", "difference (95 %)", "only 1st / 2nd", "p (Holm)"]
    table = _make_table(header, left=2)
    for pair in pairs:
        both = (_number(place, names[place], _PAIR_NAME) for place in (pair.first, pair.second))
        difference, only_first, only_second, _ = format_comparison(pair.comparison)
        table.add_row(*both, difference, f"{only_first} / {only_second}", format_p(pair.corrected))
    return table


def format_p(p: float) -> str:
    """Return a p-value in words.

    Examples:
        >>> format_p(0.00001), format_p(0.0312)
        ('<0.0001', '0.0312')
    """
    return "<0.0001" if p < 1e-4 else f"{p:.4f}"


def tabulate_two(comparisons: Sequence[Comparison], unit: str = "") -> Table:
    """Return the table of two runs by the metrics of one task: a line a metric.

    A metric with fewer rows than the others has their number behind its name.
    """
    shares_only = all(is_share(one.metric) for one in comparisons)
    rows = max(one.rows for one in comparisons)
    name, test = ("metric (%)", "McNemar\np") if shares_only else ("metric", "p")
    columns = [name, "first", "second", "difference (95 %)", "only first\n/ second", test]
    table = _make_table(columns, left=1, title=f"{printable(comparisons[0].task)}, {rows:,} rows")
    table.show_edge = table.pad_edge = False
    table.padding = (0, 0, 0, 0)
    by_opsin = is_by_opsin([one.metric for one in comparisons])
    repeated = find_repeated([(one.metric, one[2:]) for one in comparisons])
    for one in comparisons:
        if one.metric in repeated:
            continue
        values = (write_value(value, one.metric) for value in (one.first, one.second))
        difference, only_first, only_second, p = format_comparison(one)
        name = word_metric(one.metric, by_opsin) if shares_only else name_metric(one.metric, unit, by_opsin)
        name = fold_name(name)
        name += f"\n  ({one.rows:,} rows)" if one.rows < rows else ""
        counts = f"{only_first} / {only_second}"
        if len(counts) > _COUNTS:
            counts = f"{only_first}\n/ {only_second}"
        if len(difference) > _DIFFERENCE:
            difference = difference.replace(" (", "\n(")
        table.add_row(escape(name), *values, difference, counts, p)
    if lines := describe_repeated(repeated, by_opsin):
        table.caption, table.caption_justify = "\n".join(lines), "left"
    return table


def fold_name(name: str) -> str:
    r"""Return a metric's name, its last words on a line of their own if it is too long.

    Examples:
        >>> fold_name("right but for stereo"), fold_name("right but for stereo %")
        ('right but for stereo', 'right but for\n  stereo %')
    """
    place = name.rfind(" ", 1, _METRIC - 1)
    return name if len(name) <= _METRIC or place < 0 else f"{name[:place]}\n  {name[place + 1 :]}"


def _make_table(columns: Sequence[str], left: int, title: str | None = None) -> Table:
    """Return an empty table whose first `left` columns hold texts, and the others numbers."""
    table = Table(
        title=None if title is None else escape(title), title_justify="left", box=box.SIMPLE_HEAD, padding=(0, 1, 0, 0)
    )  # fmt: skip
    for place, name in enumerate(columns):
        table.add_column(escape(name), justify="left" if place < left else "right", no_wrap=True)
    return table
