"""The end of a run in one table: its results, its speed, and the paths of its outputs."""

from __future__ import annotations

import json
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from lightning.pytorch import LightningModule, Trainer
from lightning.pytorch.loggers import WandbLogger
from lightning.pytorch.trainer.states import TrainerFn
from rich import box
from rich.table import Table

from callbacks.loggers.metrics_csv import MetricsCSV
from callbacks.loggers.terminal import fits_terminal, is_quiet, say, wrap_text
from callbacks.reports.audit_report import describe_audit, read_audit, read_comparison, read_held_out
from callbacks.reports.baselines import read_baselines
from callbacks.rows.evaluated_row import Stage
from callbacks.rows.outcomes import OUTCOMES, estimate_right
from callbacks.rows.protocols import EvaluationData, evaluated_model, evaluation_data
from callbacks.run.run_facts import (
    METRICS_KEY,
    MetricsKeeper,
    best_checkpoint,
    current_metrics,
    from_here,
    is_trial,
    last_checkpoint_file,
    load_checkpoint,
    output_folder,
    run_folder,
)
from callbacks.statistics.intervals import format_estimate
from datamodules.few_rows import describe_hint
from datamodules.stages import evaluated_rows

_REPORTS = ("anchors.csv", "anchor_strata.csv", "audit.csv", "error_classes.csv", "strata.csv", "calibration.csv",
            "abstaining.csv", "rerank.csv", "confidence.png")  # fmt: skip
PROGRAM = "python train.py"
_LONGEST_NAME = "  base before this run"
"""Shorter names than this are not folded."""
_CLOCK_SECONDS = 2.0  # a file system's clock may be this coarse

_ROUND_TRIP = {
    "round_trip": "right",
    "round_trip_tautomer": "tautomer-insensitive",
    "round_trip_without_stereo": "without stereo",
    "readable": "readable",
}


class RunSummary(MetricsKeeper):
    """Prints a table when `fit`, `validate` or `test` ends, and saves it to `summary.json` in the run's folder.

    After `fit` the results are those of the best checkpoint, which is exported, not those of the last epoch.
    """

    def __init__(self) -> None:
        self._begun, self._begun_at = time.perf_counter(), time.time()

    def setup(self, trainer: Trainer, pl_module: LightningModule, stage: str) -> None:
        """Start the clock."""
        self._begun, self._begun_at = time.perf_counter(), time.time()

    def teardown(self, trainer: Trainer, pl_module: LightningModule, stage: str) -> None:
        """Print and write the summary on rank 0, after every other callback has written its files."""
        if not trainer.is_global_zero or is_trial(trainer) or stage == "predict":
            return
        stage = TrainerFn(stage).value  # Lightning gives a member of its enumeration
        summary = self._summarize(trainer, stage)
        path = run_folder(trainer) / "summary.json"
        kept = json.loads(path.read_text(encoding="utf-8")) if path.is_file() else {}
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps({**kept, stage: summary}, indent=2) + "\n", encoding="utf-8")
        if (
            own := output_folder(trainer)
        ) != path.parent:  # the run's file holds the latest of each stage only
            own.mkdir(exist_ok=True)
            (own / path.name).write_text(json.dumps({stage: summary}, indent=2) + "\n", encoding="utf-8")
        if trainer.progress_bar_callback is not None:
            # The bar redraws itself until its teardown, which would come after this one, and would end up below the table.
            trainer.progress_bar_callback.teardown(trainer, pl_module, stage)
        _show(stage, summary)
        data = evaluation_data(trainer)
        rows = data.report.get("rows", {}).get("train", 0) if stage == "fit" else 0
        if rows and (hint := describe_hint(evaluated_model(pl_module).base, data.tasks, rows)):
            say(hint)

    def _summarize(self, trainer: Trainer, stage: str) -> dict[str, Any]:
        """Return the summary of a stage."""
        datamodule = evaluation_data(trainer)
        metrics = current_metrics(trainer)
        speed = metrics.get("train/supervised_tokens_per_second")
        best = best_checkpoint(trainer) if stage == "fit" else None
        weights = best or (Path(trainer.ckpt_path) if trainer.ckpt_path and stage != "fit" else None)
        epoch = None
        if best is not None:
            checkpoint = load_checkpoint(best)
            metrics, epoch = checkpoint.get(METRICS_KEY) or metrics, checkpoint["epoch"]
        split = evaluated_rows(stage)
        folder = output_folder(trainer)
        # Only this run's reports: an earlier run may have had other callbacks, and its reports are still in the folder.
        reports = [
            name
            for name in _REPORTS
            if (folder / name).is_file() and (folder / name).stat().st_mtime > self._begun_at - _CLOCK_SECONDS
        ]
        return {
            "tasks": {
                task: {"rows": rows, **_of_task(metrics, f"{split}/{task}/")}
                for task, rows in _count_rows(datamodule, split).items()
            },
            "weights": weights.name if weights else _name_weights(trainer, stage),
            "epoch": epoch,
            "seconds": round(time.perf_counter() - self._begun, 1),
            "supervised_tokens_per_second": speed,
            "rows_set_aside": len(datamodule.set_aside(stage)),
            "audit": read_audit(folder) if "audit.csv" in reports else {},
            "audit_compared_with": read_comparison(folder) if "audit.csv" in reports else "",
            "held_out": read_held_out(folder) if "audit.csv" in reports else [],
            "anchors": read_baselines(folder) if "anchors.csv" in reports else [],
            "next": next_commands(stage, from_here(run_folder(trainer)))
            if last_checkpoint_file(trainer).is_file()
            else [],
            "outputs": _outputs(trainer, best)
            | ({"reports": f"{folder}: {', '.join(reports)}"} if reports else {}),
        }


def _count_rows(datamodule: EvaluationData, split: Stage) -> dict[str, int]:
    """Return how many rows of a split each task has."""
    total = datamodule.num_rows(split)
    several = total > 0 and datamodule.row(split, total - 1).phrasing > 0
    if len(datamodule.task_names) == 1 and not several:
        return {datamodule.task_names[0]: total}
    rows = (datamodule.row(split, index) for index in range(total))
    counts = Counter(row.task for row in rows if row.phrasing == 0)
    return {task: counts[task] for task in datamodule.task_names}


def _name_weights(trainer: Trainer, stage: str) -> str:
    """Return what the weights are called that no checkpoint holds: those of a base that no run has trained, or the last ones."""
    if stage == "fit" or trainer.global_step > 0:
        return "last weights"
    return f"base {evaluated_model(trainer.lightning_module).base}, not trained by a run"


def _of_task(metrics: Mapping[str, float], prefix: str) -> dict[str, float]:
    """Return the metrics below `prefix`, without it."""
    return {name[len(prefix) :]: value for name, value in metrics.items() if name.startswith(prefix)}


def _outputs(trainer: Trainer, best: Path | None) -> dict[str, str]:
    """Return the paths of those outputs of the run that exist."""
    folder, last = output_folder(trainer), from_here(last_checkpoint_file(trainer))
    places = {
        "best checkpoint": best and from_here(best),
        "last checkpoint, to go on with": last if trainer.state.fn == TrainerFn.FITTING else None,
        "Hugging Face folder": folder / "hf",
        "predictions": folder / "predictions",
        "rows set aside": folder / "set_aside.csv",
    }
    for logger in trainer.loggers:
        if isinstance(logger, MetricsCSV):  # not a CSVLogger that --trainer.logger adds
            places["metrics"] = Path(logger.log_dir) / "metrics.csv"
        elif isinstance(logger, WandbLogger):
            places["W&B run"] = Path(logger.experiment.dir).parent
    return {name: str(place) for name, place in places.items() if place is not None and place.exists()}


def format_seconds(seconds: float) -> str:
    """Return a duration as `45 s`, `9 min 05 s` or `2 h 03 min`.

    Examples:
        >>> format_seconds(45), format_seconds(545), format_seconds(7_400)
        ('45 s', '9 min 05 s', '2 h 03 min')
    """
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60:02d} s"
    return f"{whole // 3600} h {whole % 3600 // 60:02d} min"


def _table(title: str, summary: dict[str, Any], with_speed: bool, narrow: bool = False) -> Table:
    """Return the table of tasks and baselines.

    Args:
        title: Its title.
        summary: The summary of a stage.
        with_speed: Whether it has the columns that are equal for all tasks.
        narrow: Whether it must fit 80 columns with three systems: per cent stand in the header, long names are folded.
    """
    table = Table(title=title, title_justify="left", box=box.SIMPLE_HEAD, padding=(0, 1, 0, 0))
    table.show_edge = table.pad_edge = not narrow
    tasks = summary["tasks"]
    has_right = any("outcome_exact" in metrics for metrics in tasks.values())
    names = ["task", "exact match (95 %)", *(("right (95 %)",) if has_right else ()), "well-formed", "rows"]
    if narrow:
        names = [
            "task",
            "exact match\n% (95 %)",
            *(("right\n% (95 %)",) if has_right else ()),
            "well-\nformed",
            "rows",
        ]
    for name in [*names, *(("tokens/s", "time") if with_speed else ())]:
        table.add_column(name, justify="left" if name == "task" else "right", no_wrap=True)
    for task, metrics in tasks.items():
        right = estimate_right(metrics) if has_right else {}
        lines = [result_cells(task, {**metrics, **right})]
        for baseline in summary.get("anchors", ()):
            if baseline["task"] == task:
                own = baseline if has_right else _without_right(baseline)
                lines.append(result_cells(f"  {baseline['system']}", own))
        for place, line in enumerate(lines):
            cells = _narrow(line, max(map(len, (*tasks, _LONGEST_NAME)))) if narrow else line
            table.add_row(*cells, *(_speed(summary) if with_speed and place == 0 else ()))
    return table


def _narrow(cells: Sequence[str], width: int) -> list[str]:
    r"""Return a line's cells with its name folded to a width, and without the signs of per cent but that of validity.

    Examples:
        >>> _narrow(["  nearest training molecule", "0.0 % (0.0 to 0.6)", "100.0 %", "596"], 20)
        ['  nearest training\n    molecule', '0.0 (0.0 to 0.6)', '100.0 %', '596']
    """
    name, *shares, validity, rows = cells
    return [wrap_text(name, width), *(share.replace(" %", "") for share in shares), validity, rows]


def _fit_table(title: str, summary: dict[str, Any]) -> Table:
    """Return the table without the columns of speed: the narrow one if it fits the terminal and the other does not."""
    table = _table(title, summary, with_speed=False)
    narrow = _table(title, summary, with_speed=False, narrow=True)
    return narrow if fits_terminal(narrow) and not fits_terminal(table) else table


def _without_right(baseline: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in baseline.items() if name != "right"}


def result_cells(name: str, metrics: Mapping[str, Any]) -> list[str]:
    """Return a line's cells: name, exact match, share right (only if it was measured), validity, and rows."""
    return [
        name,
        format_estimate(metrics, "exact_match", percent=True),
        *([format_estimate(metrics, "right", percent=True)] if "right" in metrics else []),
        f"{100 * metrics['validity']:.1f} %" if "validity" in metrics else "-",
        f"{metrics['rows']:,.0f}",
    ]


def _speed(summary: dict[str, Any]) -> tuple[str, str]:
    """Return supervised tokens per second, and the time."""
    speed = summary["supervised_tokens_per_second"]
    return f"{speed:,.0f}" if speed is not None else "-", format_seconds(summary["seconds"])


def _show(stage: str, summary: dict[str, Any]) -> None:
    """Print the table, the paths of the outputs, a warning about skipped rows, and what to do next."""
    if is_quiet():
        say(describe_end(stage, summary), last=True)
        return
    split = "validation rows" if evaluated_rows(stage) == "val" else "test rows"
    title = f"{stage}: {split}, {summary['weights']}"
    table = _table(title, summary, with_speed=True)
    fits = fits_terminal(table)
    say("")
    say(table if fits else _fit_table(title, summary))
    if not fits:
        say("tokens/s: {}, time: {}".format(*_speed(summary)))
    for task, metrics in summary["tasks"].items():
        for line in describe_evaluation(task, metrics):
            say(line)
    for task, count in summary.get("audit", {}).items():
        say(describe_audit(task, count))
    if compared := summary.get("audit_compared_with"):
        say(f"audit: compared with {compared}")
    for line in summary.get("held_out", ()):
        say(f"audit: {line}")
    for name, place in summary["outputs"].items():
        say(f"{name}: {place}")
    if summary["rows_set_aside"]:
        say(
            f"Warning: {summary['rows_set_aside']:,} rows were skipped; set_aside.csv in the run's folder lists "
            "them with reasons.",
            style="yellow",
        )
    if commands := summary.get("next"):
        say("Next:")
        for command in commands:
            say(f"  {command}", wrap=False)


def describe_end(stage: str, summary: Mapping[str, Any]) -> str:
    """Return the end of a run in one line.

    Examples:
        >>> describe_end("fit", {"tasks": {"t": {"rows": 20, "exact_match": 0.5}}, "seconds": 61, "weights": "best.ckpt"})
        'fit: t exact match 50.0 % of 20 rows, best.ckpt, 1 min 01 s'
    """
    shares = [
        f"{task} exact match {format_estimate(metrics, 'exact_match', percent=True)} of {metrics['rows']:,} rows"
        for task, metrics in summary["tasks"].items()
    ]
    return f"{stage}: {', '.join([*shares, summary['weights'], format_seconds(summary['seconds'])])}"


def next_commands(stage: str, run: Path) -> list[str]:
    """Return the commands that a user most likely types after a stage.

    Examples:
        >>> next_commands("fit", Path("runs/mine"))[0]
        'python train.py test --ckpt_path runs/mine'
    """
    predict = f"{PROGRAM} predict --ckpt_path {run} --data.predict_path new.csv"
    test = f"{PROGRAM} test --ckpt_path {run}"
    return [predict] if stage == "test" else [test, predict]


def describe_evaluation(task: str, metrics: Mapping[str, float]) -> list[str]:
    """Return a task's lines on round trip, outcomes, abstaining and constrained decoding, each if it was measured.

    Args:
        task: The task's name.
        metrics: The task's metrics, without the task's name in front.
    """
    lines = []
    if "round_trip" in metrics:
        shares = [
            f"{format_estimate(metrics, name, percent=True)} {label}" for name, label in _ROUND_TRIP.items()
        ]
        lines.append(f"{task}, names read by OPSIN: {', '.join(shares)}")
    if "exact_match_worst" in metrics:
        mean, worst, spread = (100 * metrics[f"exact_match{name}"] for name in ("", "_worst", "_spread"))
        number = sum(name.startswith("exact_match_phrasing_") for name in metrics)
        lines.append(
            f"{task}, exact match in {number} phrasings: mean {mean:.1f} %, worst {worst:.1f} %, spread {spread:.1f} points"
        )
    measured = {name: metrics.get(f"outcome_{name}", 0.0) for name in OUTCOMES}
    shares = [f"{OUTCOMES[name]} {100 * share:.1f} %" for name, share in measured.items() if share > 0]
    if shares:
        lines.append(f"{task}, outcomes: {'; '.join(shares)}")
    if "coverage" in metrics:
        answered = [
            f"{name} {format_estimate(metrics, f'{key}_answered', percent=True)}"
            for key, name in (("exact_match", "exact match"), ("right", "right"))
        ]
        coverage = format_estimate(metrics, "coverage", percent=True)
        lines.append(f"{task}, answered (the others abstained): {coverage}; of these {', '.join(answered)}")
    if "steered" in metrics:
        steered, gave_up = (format_estimate(metrics, name, percent=True) for name in ("steered", "gave_up"))
        lines.append(
            f"{task}, constrained to valid prefixes: {steered} of the rows steered, {gave_up} given up"
        )
    return lines
