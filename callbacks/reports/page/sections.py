"""The page's tables and curves, from what a run's folder holds."""

from __future__ import annotations

from collections.abc import Container, Iterable, Mapping, Sequence
from typing import NamedTuple

from callbacks.reports.page.curves import Chart, Point, Series, draw_chart
from callbacks.reports.page.predictions import describe_outcome
from callbacks.reports.page.run_files import RunFiles, Side
from callbacks.rows.headlines import (
    EXACT_MATCH,
    HEADLINES,
    Headline,
    headline_of_metrics,
    headlines_of_log,
)
from callbacks.rows.outcomes import OUTCOMES, estimate_right
from callbacks.statistics.class_names import is_bound
from callbacks.statistics.intervals import format_estimate, format_quantity, wilson_interval

Numbers = Mapping[str, float]
MEASURES = {"exact_match": "exact match", "right": "right", "validity": "well-formed"}
"""The shares of the table of results of tasks that go by exact match, and their names in it."""
KIND_MEASURES = {"auroc": "AUROC", "balanced_accuracy": "balanced accuracy", "mae_all": "MAE", "r2": "R2"}
"""The measures of other tasks in the same table, each with its name."""
NAMES = (*MEASURES.values(), *KIND_MEASURES.values())
"""The names of all columns of the table."""
NOTES = {
    "right": "Right also counts other spellings and names of the right molecule or value.",
    "well-formed": "Well-formed is what the notation's own check says of the text; it says nothing about right.",
    "AUROC": "AUROC and, of two classes, balanced accuracy are 0.5 for one answer to all rows.",
    "MAE": "MAE counts the mean of the targets where an answer is no number.",
}
"""What is said of measures that the table shows."""
MOST_REASONS = 4
"""Most reasons that are shown of an outcome."""


class Estimate(NamedTuple):
    """A value with its bounds, in words and, if it lies between 0 and 1, as numbers."""

    text: str
    value: float | None = None
    low: float | None = None
    high: float | None = None


class Result(NamedTuple):
    """A line of the table of results."""

    name: str
    is_baseline: bool
    cells: Sequence[Estimate]
    rows: int


def estimate(metrics: Numbers, name: str) -> Estimate:
    """Return a share out of metrics; one that was not measured is `-`."""
    if name not in metrics:
        return Estimate("-")
    return Estimate(
        format_estimate(metrics, name, percent=True), metrics[name], metrics.get(f"{name}_low"), metrics.get(f"{name}_high")
    )  # fmt: skip


def list_results(side: Side) -> list[Result]:
    """Return the results of each task, each followed by those of its baselines."""
    lines = []
    for task, metrics in side.summary.get("tasks", {}).items():
        measured = any(name.startswith("outcome_") for name in metrics)
        numbers = {**metrics, **(estimate_right(metrics) if measured else {})}
        unit = side.summary.get("units", {}).get(task, "")
        lines.append(_result(task, False, numbers, unit))
        lines += [
            _result(baseline["system"], True, baseline, unit)
            for baseline in side.summary.get("anchors", ())
            if baseline["task"] == task
        ]
    return lines


def list_measures(lines: Sequence[Result]) -> list[int]:
    """Return the places of the measures that any of some results has."""
    return [place for place in range(len(NAMES)) if any(line.cells[place].text != "-" for line in lines)]


def explain_measures(shown: Container[str]) -> list[str]:
    """Return what the page says of the measures that its tables show.

    Examples:
        >>> explain_measures({"MAE", "R2"})
        ['MAE counts the mean of the targets where an answer is no number.']
    """
    return [note for name, note in NOTES.items() if name in shown]


def _result(name: str, is_baseline: bool, numbers: Numbers, unit: str) -> Result:
    """Return a line: a task that goes by exact match has no other measures, and any other task has no shares of texts."""
    is_text = headline_of_metrics(numbers) == EXACT_MATCH
    cells = [estimate(numbers if is_text else {}, measure) for measure in MEASURES]
    for measure in KIND_MEASURES:
        if measure == "mae_all":
            cells.append(Estimate(format_quantity(numbers, measure, unit)))
        else:
            own = {} if is_text else numbers
            bounds = (own.get(f"{measure}_{end}") for end in ("low", "high")) if measure != "r2" else ()
            value = own.get(measure) if measure != "r2" else None
            cells.append(Estimate(format_estimate(own, measure), value, *bounds))
    return Result(name, is_baseline, cells, int(numbers["rows"]))


def list_metrics(side: Side) -> dict[str, list[tuple[str, str]]]:
    """Return the name and value of every metric by task, as saved in summary.json; `rows` and bounds have no line."""
    return {
        task: [
            (name, format_estimate(metrics, name))
            for name in metrics
            if name != "rows" and not is_bound(name, metrics)
        ]
        for task, metrics in side.summary.get("tasks", {}).items()
    }


def draw_fit(files: RunFiles) -> list[Chart]:
    """Return the curves of a fit: loss, the headlines of the tasks, well-formed answers, speed."""
    epochs = files.epochs
    headlines = _find_headlines(epochs)

    def line(name: str, column: str) -> Series:
        bounds = (f"{column}_low", f"{column}_high")
        return Series(name, [Point(one["step"], one[column], *(one.get(bound) for bound in bounds))
                             for one in epochs if column in one])  # fmt: skip

    def of_tasks(column: str, among: Iterable[Headline]) -> list[Series]:
        chosen = [task for task, headline in headlines.items() if headline in among]
        return [line(task or "validation", f"{task}/{column}" if task else column) for task in chosen]

    losses = [
        Series("training", [Point(*point) for point in files.losses], faint=True),
        line("validation", "val_loss"),
    ]
    found = [
        draw_chart("Loss (nats per supervised token)", losses),
        *(
            draw_chart(
                f"{_title(one.label)}, 95 % interval", of_tasks(one.metric, [one]), percent=one.percent
            )
            for one in HEADLINES.values()
        ),
        # An answer of a task with choices is always one of them.
        draw_chart(
            "Well-formed answers",
            of_tasks("validity", [HEADLINES["text"], HEADLINES["number"]]),
            percent=True,
        ),
        draw_chart("Rows per second in training", [line("rows/s", "rows_per_second")]),
    ]
    return [chart for chart in found if chart is not None]


def _title(label: str) -> str:
    return label[:1].upper() + label[1:]


def _find_headlines(epochs: Iterable[Mapping[str, float]]) -> dict[str, Headline]:
    """Return the headline of each task by the columns of epochs.csv; of a single task, under an empty name."""
    columns = list(dict.fromkeys(name for line in epochs for name in line))
    several = headlines_of_log([f"val/{name}" for name in columns if "/" in name])
    return several or {"": headline_of_metrics(columns)}


def find_numbers(side: Side) -> set[str]:
    """Return the tasks of a side that go by the error of numbers."""
    tasks = side.summary.get("tasks", {})
    return {task for task, metrics in tasks.items() if headline_of_metrics(metrics) == HEADLINES["number"]}


def draw_confidence(side: Side) -> list[Chart]:
    """Return the pictures of calibration and abstaining, a line a task; a measured number is seldom right to the digit."""
    numbers = find_numbers(side)

    def lines(report: str, x: str) -> list[Series]:
        table = [line for line in side.reports.get(report, ()) if line["task"] not in numbers]
        return [
            Series(task, [Point(*(float(line[name]) for name in (x, "right", "low", "high"))) for line in table
                          if line["task"] == task and line[x] and line["right"]])
            for task in dict.fromkeys(line["task"] for line in table)
        ]  # fmt: skip

    found = [
        draw_chart("Share right by the model's probability", lines("calibration", "confidence"),
                   x_label="probability", percent=True, diagonal=True),
        draw_chart("Share right when only the most probable answers are given", lines("abstaining", "coverage"),
                   x_label="share answered", percent=True),
    ]  # fmt: skip
    return [chart for chart in found if chart is not None]


class OutcomeLine(NamedTuple):
    """How many predictions had an outcome, and why those that are not valid are not."""

    kind: str
    name: str
    meaning: str
    rows: int
    share: Estimate
    reasons: Sequence[tuple[str, int]]


def list_outcomes(side: Side) -> dict[str, list[OutcomeLine]]:
    """Return the outcomes of a side's predictions by task, those without a row left out.

    In a fit these are the verdicts of its table of predictions.
    """
    kinds, first, totals = side.predictions.kinds, side.predictions.first, side.predictions.count_rows()
    found: dict[str, list[OutcomeLine]] = {task: [] for task in totals}
    for task, kind, name in sorted(kinds, key=_rank):
        number = kinds[task, kind, name]
        low, high = wilson_interval(number, totals[task])
        share = {"share": number / totals[task], "share_low": low, "share_high": high}
        reasons = [
            (line["reason"], int(line["rows"])) for line in side.reports.get("error_classes", ())
            if (line["task"], line["outcome"]) == (task, name) and line["reason"]
        ]  # fmt: skip
        found[task].append(
            OutcomeLine(
                kind,
                name,
                describe_outcome(name, first[task]),
                number,
                estimate(share, "share"),
                reasons[:MOST_REASONS],
            )
        )
    return found


def _rank(key: tuple[str, str, str]) -> tuple[int, int]:
    """Return the place of a (task, kind, outcome) in the table, the best first."""
    _, kind, outcome = key
    places = {name: place for place, name in enumerate(OUTCOMES)}
    return ("right", "wrong", "invalid").index(kind), places.get(outcome, -1)


class Stratum(NamedTuple):
    """The results of one kind of row."""

    name: str
    bin: str
    rows: int
    exact: Estimate
    right: Estimate
    error: Estimate = Estimate("-")
    """The mean absolute error of numbers."""


def name_strata(side: Side, task: str) -> list[tuple[str, str]]:
    """Return the measures by kind of row that a task has: a heading, and the name in `Stratum`."""
    headline = headline_of_metrics(side.summary.get("tasks", {}).get(task, {}))
    if headline == HEADLINES["number"]:
        return [("MAE", "error")]
    if headline == HEADLINES["choices"]:
        return [("accuracy", "exact")]
    return [("exact match", "exact"), ("right", "right")]


def list_strata(side: Side) -> dict[str, list[Stratum]]:
    """Return the results by kind of row, by task: exact match, or the error of numbers."""
    found: dict[str, list[Stratum]] = {}
    numeric = find_numbers(side)
    for line in side.reports.get("strata", ()):
        if line["task"] in numeric:
            if line.get("mae_all"):  # files of earlier versions have none
                found.setdefault(line["task"], []).append(_stratum_of_numbers(side, line))
            continue
        numbers = {
            name: float(cell)
            for name, cell in line.items()
            if name not in ("task", "stratum", "bin") and cell
        }
        numbers |= {"exact_match_low": numbers["low"], "exact_match_high": numbers["high"]}
        numbers |= {f"share_{name}": numbers[name] for name in ("right_low", "right_high")}
        found.setdefault(line["task"], []).append(
            Stratum(line["stratum"].replace("_", " "), line["bin"], int(numbers["rows"]),
                    estimate(numbers, "exact_match"), estimate(numbers, "share_right"))
        )  # fmt: skip
    return found


def _stratum_of_numbers(side: Side, line: Mapping[str, str]) -> Stratum:
    bounds = {name: float(line[name]) for name in ("mae_all", "mae_all_low", "mae_all_high")}
    unit = side.summary.get("units", {}).get(line["task"], "")
    error = Estimate(format_quantity(bounds, "mae_all", unit))
    none = Estimate("-")
    return Stratum(line["stratum"].replace("_", " "), line["bin"], int(line["rows"]), none, none, error)
