"""The lines below the table at the end of a run, and the one in its place for those who want no more."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from callbacks.reports.end_table import format_seconds
from callbacks.rows.check_words import READ
from callbacks.rows.headlines import EXACT_MATCH, Headline, format_value, headline_of_metrics
from callbacks.rows.outcomes import OUTCOMES, word_outcome
from callbacks.statistics.class_names import is_bound, read_class
from callbacks.statistics.intervals import format_estimate, format_quantity
from configs.program import spell
from datamodules.flag_tasks import join_columns
from datamodules.tasks import Task

_ROUND_TRIP = {
    "round_trip": "right",
    "round_trip_tautomer": "tautomer-insensitive",
    "round_trip_without_stereo": "without stereo",
    "readable": READ,
}
_OF_CHOICES = {
    "accuracy": "accuracy",
    "balanced_accuracy": "balanced accuracy",
    "average_precision": "average precision",
    "log_loss": "log-loss",
    "calibration_error": "calibration error",
}
_MOST_CLASSES = 6
"""Most classes whose recall stands in a line; of more, those with the lowest do."""


def describe_end(stage: str, summary: Mapping[str, Any]) -> str:
    """Return the end of a run in one line.

    Examples:
        >>> describe_end("fit", {"tasks": {"t": {"rows": 20, "exact_match": 0.5}}, "seconds": 61, "weights": "best.ckpt"})
        'fit: t exact match 50.0 % of 20 rows, best.ckpt, 1 min 01 s'
    """
    shares = [
        f"{task} {_headline(metrics, summary.get('units', {}).get(task, ''))} of {metrics['rows']:,} rows"
        for task, metrics in summary["tasks"].items()
    ]
    return f"{stage}: {', '.join([*shares, summary['weights'], format_seconds(summary['seconds'])])}"


def _headline(metrics: Mapping[str, float], unit: str) -> str:
    """Return a task's headline with its name, also where it was not measured."""
    headline = headline_of_metrics(metrics)
    return f"{headline.label} {format_value(headline, metrics, unit)}"


def next_commands(stage: str, run: Path, tasks: Sequence[Task] = ()) -> list[str]:
    """Return the commands that a user most likely types after a stage; of several tasks on one column `predict` asks the first.

    Examples:
        >>> next_commands("fit", Path("runs/mine"))[0]
        'python train.py test --ckpt_path runs/mine'
    """
    predict = ["predict", "--ckpt_path", run, "--data.predict_path", "new.csv"]
    if len(tasks) > len({task.input.column for task in tasks}):
        first = tasks[0]
        of_columns = first.source is None and first.identity is None  # as a table's columns make it
        column = join_columns([first.output.column])
        predict += ["--data.output_column", column] if of_columns else ["--data.task", first.name]
    return [
        *([] if stage == "test" else [spell("test", "--ckpt_path", run)]),
        spell(*predict),
    ]


def describe_files(outputs: Mapping[str, str]) -> str:
    """Return the folder of a stage's files with their names; those of other folders with their paths.

    Examples:
        >>> describe_files({"predictions": "runs/a/test/predictions", "metrics": "runs/a/test/metrics.csv", "W&B run": "w/b"})
        'runs/a/test (predictions, metrics.csv), w/b'
    """
    paths = [Path(place) for place in outputs.values()]
    folders = Counter(path.parent for path in paths)
    folder = max(folders, key=lambda one: (folders[one], -len(one.parts)))
    within = ", ".join(str(path.relative_to(folder)) for path in paths if path.is_relative_to(folder))
    beyond = [str(path) for path in paths if not path.is_relative_to(folder)]
    return ", ".join([f"{folder} ({within})", *beyond])


def describe_evaluation(
    task: str, metrics: Mapping[str, float], unit: str = "", baselines: Sequence[Mapping[str, Any]] = ()
) -> list[str]:
    """Return a task's lines on what its kind measures, round trip, outcomes, abstaining and constrained decoding.

    Each is there if it was measured. Outcomes are of tasks that go by exact match: of others they say nothing further.

    Args:
        task: The task's name.
        metrics: The task's metrics, without the task's name in front.
        unit: The unit of a task of numbers.
        baselines: The lines of other systems on the task's rows.
    """
    lines = []
    if "log_loss" in metrics:
        lines.append(f"{task}: {describe_choices(metrics)}")
    if "is_number" in metrics:
        lines.append(f"{task}: {describe_numbers(metrics, unit)}")
    if "token_f1" in metrics:
        others = [
            f"; {one['system']} {format_estimate(one, 'token_f1', percent=True)}"
            for one in baselines
            if "token_f1" in one
        ]
        own = format_estimate(metrics, "token_f1", percent=True)
        lines.append(f"{task}: F1 of words {own}{''.join(others)}")
    if "round_trip" in metrics and "readable" not in metrics:
        share = format_estimate(metrics, "round_trip", percent=True)
        lines.append(f"{task}: {share} of the answers lead back to the question by the forward model")
    elif "round_trip" in metrics:
        shares = [
            f"{format_estimate(metrics, name, percent=True)} {label}" for name, label in _ROUND_TRIP.items()
        ]
        lines.append(f"{task}, names checked by OPSIN: {', '.join(shares)}")
    headline = headline_of_metrics(metrics)
    if f"{headline.metric}_worst" in metrics:
        lines.append(f"{task}, {_describe_phrasings(headline, metrics, unit)}")
    measured = {name: metrics.get(f"outcome_{name}", 0.0) for name in OUTCOMES}
    by_opsin = "readable" in metrics
    shares = [
        f"{word_outcome(name, by_opsin=by_opsin)} {100 * share:.1f} %"
        for name, share in measured.items()
        if share > 0
    ]
    if shares and headline == EXACT_MATCH:
        lines.append(f"{task}, outcomes: {'; '.join(shares)}")
    if "coverage" in metrics:
        answered = [
            f"{name} {format_estimate(metrics, f'{key}_answered', percent=True)}"
            for key, name in (("exact_match", "exact match"), ("right", "right"))
            if f"{key}_answered" in metrics  # not of numbers
        ]
        coverage = format_estimate(metrics, "coverage", percent=True)
        of_these = f"; of these {', '.join(answered)}" if answered else ""
        lines.append(f"{task}, answered (the others abstained): {coverage}{of_these}")
    if "steered" in metrics:
        steered, gave_up = (format_estimate(metrics, name, percent=True) for name in ("steered", "gave_up"))
        lines.append(f"{task}, constrained: {steered} of the rows steered, {gave_up} given up")
    return lines


def _describe_phrasings(headline: Headline, metrics: Mapping[str, float], unit: str) -> str:
    """Return a headline over all phrasings of a task: mean, worst, and the difference of the best and the worst."""
    number = sum(name.startswith(f"{headline.metric}_phrasing_") for name in metrics)
    mean, worst, spread = (metrics[f"{headline.metric}{name}"] for name in ("", "_worst", "_spread"))
    words = [format_value(headline, {headline.metric: value}, unit) for value in (mean, worst, spread)]
    if headline.percent:
        words[2] = f"{100 * spread:.1f} points"
    return f"{headline.label} in {number} phrasings: mean {words[0]}, worst {words[1]}, spread {words[2]}"


def describe_choices(metrics: Mapping[str, float]) -> str:
    """Return what the probabilities of a task's choices are worth, and the recall of each class.

    Examples:
        >>> describe_choices({"accuracy": 0.9, "balanced_accuracy": 0.81, "log_loss": 0.3, "recall_0": 0.95, "recall_1": 0.67})
        'accuracy 0.900, balanced accuracy 0.810, log-loss 0.300; recall 0: 0.950, 1: 0.670'
        >>> describe_choices({"auroc": 0.5, "auroc_low": 0.0, "auroc_high": 1.0, "log_loss": 0.3})
        'log-loss 0.300; all rows are of one class, so AUROC tells nothing'
    """
    parts = [
        f"{label} {format_estimate(metrics, name)}" for name, label in _OF_CHOICES.items() if name in metrics
    ]
    recalls = {
        name: value
        for name, value in metrics.items()
        if name.startswith("recall_") and not is_bound(name, metrics)
    }
    shown = list(recalls)
    if len(recalls) > _MOST_CLASSES:
        shown = sorted(recalls, key=lambda name: recalls[name])[:_MOST_CLASSES]
    each = [f"{read_class('recall', name)}: {format_estimate(metrics, name)}" for name in shown]
    called = "lowest recalls" if len(shown) < len(recalls) else "recall"
    one_class = (metrics.get("auroc_low"), metrics.get("auroc_high")) == (0.0, 1.0)  # what it is given there
    nothing = "; all rows are of one class, so AUROC tells nothing" if one_class else ""
    return ", ".join(parts) + (f"; {called} {', '.join(each)}" if each else "") + nothing


def describe_numbers(metrics: Mapping[str, float], unit: str = "") -> str:
    """Return how far a task's numbers are off, in words.

    Examples:
        >>> describe_numbers({"rmse": 1.234, "r2": 0.61, "spearman": 0.8, "within_tolerance": 0.4, "is_number": 1.0}, "°C")
        'RMSE 1.23 °C, R2 0.610, Spearman 0.800, within tolerance 40.0 %, numbers 100.0 %'
    """
    parts = [f"RMSE {format_quantity(metrics, 'rmse', unit)}"] if "rmse" in metrics else []
    labels = {"r2": "R2", "spearman": "Spearman"}
    parts += [
        f"{label} {format_estimate(metrics, name)}" for name, label in labels.items() if name in metrics
    ]
    labels = {"within_tolerance": "within tolerance", "is_number": "numbers"}
    parts += [
        f"{label} {format_estimate(metrics, name, percent=True)}"
        for name, label in labels.items()
        if name in metrics
    ]
    text = ", ".join(parts)
    if "interval_width" in metrics:
        covered = format_estimate(metrics, "interval_coverage", percent=True)
        error = format_quantity(metrics, "mae_expected", unit)
        text += f"; mean of drawn numbers: MAE {error}, their middle 90 % cover {covered}"
    return text
