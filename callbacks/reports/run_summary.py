"""The end of a run in one table: its results, its speed, and the paths of its outputs."""

from __future__ import annotations

import json
import time
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from lightning.pytorch import LightningModule, Trainer
from lightning.pytorch.loggers import WandbLogger
from lightning.pytorch.trainer.states import TrainerFn

from callbacks.loggers.metrics_csv import MetricsCSV
from callbacks.loggers.terminal import fits_terminal, is_quiet, say
from callbacks.reports.audit_report import (
    describe_audit,
    is_complete,
    read_audit,
    read_comparison,
    read_held_out,
)
from callbacks.reports.baselines import read_baselines
from callbacks.reports.end_lines import describe_end, describe_evaluation, describe_files, next_commands
from callbacks.reports.end_table import fit_table, speed_cells, tabulate
from callbacks.reports.run_page import RunPage, say_next
from callbacks.rows.evaluated_row import Stage
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
from datamodules.few_rows import describe_hint
from datamodules.stages import evaluated_rows
from datamodules.tasks import keep_asked

_REPORTS = {
    "anchors.csv": "baselines",
    "anchor_strata.csv": "baselines by kind of row",
    "audit.csv": "audit of leaks",
    "error_classes.csv": "kinds of errors",
    "strata.csv": "results by kind of row",
    "calibration.csv": "calibration",
    "abstaining.csv": "abstaining",
    "rerank.csv": "reranking",
    "confidence.png": "confidence",
}
"""The files of a stage, and what they are called for people."""
_CLOCK_SECONDS = 2.0  # a file system's clock may be this coarse


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
        callbacks: Any = trainer
        if not any(isinstance(one, RunPage) for one in callbacks.callbacks):
            say_next(summary["next"])  # else the page does, since its own line comes before

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
        units = {task.name: task.output.unit for task in datamodule.tasks if task.output.unit}
        return {
            "tasks": {
                task: {"rows": rows, **_of_task(metrics, f"{split}/{task}/")}
                for task, rows in _count_rows(datamodule, split).items()
            },
            **({"units": units} if units else {}),
            "weights": weights.name if weights else _name_weights(trainer, stage),
            "epoch": epoch,
            "seconds": round(time.perf_counter() - self._begun, 1),
            "supervised_tokens_per_second": speed,
            "rows_set_aside": len(datamodule.set_aside(stage)),
            "audit": read_audit(folder) if "audit.csv" in reports else {},
            "audit_compared_with": read_comparison(folder) if "audit.csv" in reports else "",
            "held_out": read_held_out(folder) if "audit.csv" in reports else [],
            "anchors": read_baselines(folder) if "anchors.csv" in reports else [],
            "next": next_commands(stage, from_here(run_folder(trainer)), datamodule.tasks)
            if last_checkpoint_file(trainer).is_file()
            else [],
            "outputs": _outputs(trainer, best, stage)
            | {_REPORTS[name]: str(folder / name) for name in reports},
        }


def _count_rows(datamodule: EvaluationData, split: Stage) -> dict[str, int]:
    """Return how many rows of a split each task has; a task that only trains has none, and is left out."""
    total = datamodule.num_rows(split)
    several = total > 0 and datamodule.row(split, total - 1).phrasing > 0
    if len(datamodule.task_names) == 1 and not several:
        return {datamodule.task_names[0]: total}
    rows = (datamodule.row(split, index) for index in range(total))
    counts = Counter(row.task for row in rows if row.phrasing == 0)
    return {task.name: counts[task.name] for task in keep_asked(datamodule.tasks)}


def _name_weights(trainer: Trainer, stage: str) -> str:
    """Return what the weights are called that no checkpoint holds: those of a base that no run has trained, or the last ones."""
    if stage == "fit" or trainer.global_step > 0:
        return "last weights"
    return f"base {evaluated_model(trainer.lightning_module).base}, not trained by a run"


def _of_task(metrics: Mapping[str, float], prefix: str) -> dict[str, float]:
    """Return the metrics below `prefix`, without it."""
    return {name[len(prefix) :]: value for name, value in metrics.items() if name.startswith(prefix)}


def _outputs(trainer: Trainer, best: Path | None, stage: str) -> dict[str, str]:
    """Return the paths of those outputs of the run that exist."""
    folder, last = output_folder(trainer), from_here(last_checkpoint_file(trainer))
    places = {
        "best checkpoint": best and from_here(best),
        "last checkpoint, to go on with": last if trainer.state.fn == TrainerFn.FITTING else None,
        "Hugging Face folder": folder / "hf",
        "predictions": folder / "predictions",
        "rows set aside": folder / "set_aside.csv" if evaluation_data(trainer).set_aside(stage) else None,
    }
    for logger in trainer.loggers:
        if isinstance(logger, MetricsCSV):  # not a CSVLogger that --trainer.logger adds
            places["metrics"] = Path(logger.log_dir) / "metrics.csv"
        elif isinstance(logger, WandbLogger):
            places["W&B run"] = Path(logger.experiment.dir).parent
    return {name: str(place) for name, place in places.items() if place is not None and place.exists()}


def _show(stage: str, summary: dict[str, Any]) -> None:
    """Print the table, the lines that matter, a warning about skipped rows, and where the files are."""
    if is_quiet():
        say(describe_end(stage, summary), last=True)
        return
    split = "validation rows" if evaluated_rows(stage) == "val" else "test rows"
    title = f"{stage}: {split}, {summary['weights']}"
    table = tabulate(title, summary, with_speed=True)
    fits = fits_terminal(table)
    say("")
    say(table if fits else fit_table(title, summary))
    if not fits:
        say("tokens/s: {}, time: {}".format(*speed_cells(summary)))
    for task, metrics in summary["tasks"].items():
        others = [one for one in summary.get("anchors", ()) if one["task"] == task]
        for line in describe_evaluation(task, metrics, summary.get("units", {}).get(task, ""), others):
            say(line)
    for task, count in summary.get("audit", {}).items():
        say(describe_audit(task, count))
    if (compared := summary.get("audit_compared_with", "")) and not is_complete(compared):
        say(f"audit: compared with {compared}")
    for line in summary.get("held_out", ()):
        say(f"audit: {line}")
    if summary["rows_set_aside"]:
        say(
            f"Warning: {summary['rows_set_aside']:,} rows were skipped; set_aside.csv in the run's folder lists "
            "them with reasons.",
            style="yellow",
        )
    if summary["outputs"]:
        say(f"files: {describe_files(summary['outputs'])}")
