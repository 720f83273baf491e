"""One line for each epoch, that stays: on a terminal, in a pipe and in a log file."""

from __future__ import annotations

import math
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from lightning.pytorch import LightningModule, Trainer
from lightning.pytorch.trainer.states import TrainerFn
from rich.console import Console

from callbacks.loggers.metrics_csv import MetricsCSV
from callbacks.loggers.terminal import cut, say
from callbacks.loggers.terminal_text import printable
from callbacks.metrics.row_reader import PartReader
from callbacks.reports.epoch_table import average_losses, read_metrics
from callbacks.rows.evaluated_row import EvaluatedRow, Stage
from callbacks.rows.evaluation import Evaluation
from callbacks.rows.headlines import (
    EXACT_MATCH,
    MIXED,
    format_headline,
    headline_of,
    headline_of_metrics,
    join_headlines,
)
from callbacks.rows.protocols import evaluated_model, evaluation_data
from callbacks.run.run_facts import current_metrics, from_here, is_trial, run_folder
from callbacks.statistics.intervals import format_estimate
from datamodules.tasks import Task, keep_asked

COLUMNS = {
    "epoch": 6,
    "loss": 6,
    "val loss": 8,
    "exact match (95 %)": 22,
    "well-formed": 11,
    "rows/s": 6,
    "left": 8,
}
"""The columns and their widths; with two blanks between them they take 79 characters."""
KIND_COLUMNS = {
    "epoch": 6,
    "loss": 6,
    "val loss": 8,
    "headline (95 %)": 35,
    "rows/s": 6,
    "left": 8,
}
"""Those where not all tasks go by exact match; the headline has its name in front."""
EXAMPLES = 3
PIPE_WIDTH = 160
"""Most characters of an example in a pipe or a file; predictions/ has it whole."""
MANY_ROWS = 2_000
"""Test rows of the flagship of which a test says how many they are, and how to take fewer."""
TEST_MINUTES = "ten minutes or more on two CPU cores"
"""How long all test rows of a task take: estimated from the rows a second of smaller tests."""


def format_line(cells: Sequence[str], columns: Mapping[str, int] = COLUMNS) -> str:
    """Return cells as a line of the table, right-aligned.

    Examples:
        >>> format_line(list(COLUMNS))
        ' epoch    loss  val loss      exact match (95 %)  well-formed  rows/s      left'
    """
    return "  ".join(cell.rjust(width) for cell, width in zip(cells, columns.values(), strict=True))


def format_left(seconds: float) -> str:
    """Return about how long something still takes; a dash if nobody knows.

    Examples:
        >>> [format_left(seconds) for seconds in (45, 100, 7_300, 400_000, float("inf"))]
        ['45 s', '2 min', '2.0 h', '4.6 days', '-']
    """
    if not math.isfinite(seconds):
        return "-"
    for size, name in ((86_400, "days"), (3_600, "h")):
        if seconds >= 2 * size:
            return f"{seconds / size:.1f} {name}"
    return f"{round(seconds / 60)} min" if seconds >= 90 else f"{max(0.0, seconds):.0f} s"


def epoch_lines(
    epoch: str,
    metrics: Mapping[str, float],
    tasks: Sequence[str],
    validated: bool,
    left: float,
    units: Mapping[str, str] | None = None,
    held_out: Sequence[str] = (),
    whole_names: bool = False,
) -> list[str]:
    """Return an epoch's line; where a run has several tasks, one more for each of them.

    Args:
        epoch: The epoch, such as `2/4`.
        metrics: What was logged, by name.
        tasks: The names of the tasks.
        validated: Whether this epoch was validated; otherwise the logged values are an earlier epoch's.
        left: Seconds that the fit still takes.
        units: The unit of each task where not all go by exact match; the cells are then those of `KIND_COLUMNS`.
        held_out: Tasks that are evaluated and never trained, which no mean includes.
        whole_names: Whether long names of tasks stay whole, as in a pipe or a file.
    """
    known = (
        metrics
        if validated
        else {name: value for name, value in metrics.items() if name.startswith("train/")}
    )
    only = f"val/{tasks[0]}/" if len(tasks) == 1 else "val/"
    counted = [task for task in tasks if task not in held_out] or tasks
    cells = _shares(known, only) if units is None else (_mean_headline(known, counted, units),)
    line = [
        epoch,
        _format(metrics, "train/loss", "{:.3f}"),
        _format(known, "val/loss", "{:.3f}"),
        *cells,
        _format(metrics, "train/rows_per_second", "{:,.0f}"),
        format_left(left),
    ]
    lines = [format_line(line, COLUMNS if units is None else KIND_COLUMNS)]
    if len(tasks) > 1 and validated:
        for task in tasks:
            own = _of_task(known, f"val/{task}/")
            cells = _shares(own, "") if units is None else (format_headline(own, units[task]),)
            start = (printable(task) if whole_names else cut(task, 22)).rjust(24)
            widths = (22, 11) if units is None else (35,)
            lines.append("  ".join([start, *map(str.rjust, cells, widths)]))
    return lines


def _mean_headline(metrics: Mapping[str, float], tasks: Sequence[str], units: Mapping[str, str]) -> str:
    """Return the headline of the only task, or the mean of several tasks' if it is the same and has the same unit."""
    of_tasks = [_of_task(metrics, f"val/{task}/") for task in tasks]
    if len(tasks) == 1:
        return format_headline(of_tasks[0], units[tasks[0]])
    headline = join_headlines(headline_of_metrics(found) for found in of_tasks)
    if headline == MIXED or len({units[task] for task in tasks}) > 1:
        return "-"
    return format_headline(_of_task(metrics, "val/"), units[tasks[0]])


def _of_task(metrics: Mapping[str, float], prefix: str) -> dict[str, float]:
    return {name[len(prefix) :]: value for name, value in metrics.items() if name.startswith(prefix)}


def _shares(metrics: Mapping[str, float], prefix: str) -> tuple[str, str]:
    """Return exact match with its interval, and the share of well-formed answers."""
    named = _of_task(metrics, prefix)
    exact = format_estimate(named, "exact_match", percent=True)
    return exact, f"{100 * named['validity']:.1f} %" if "validity" in named else "-"


def _units(tasks: Sequence[Task]) -> dict[str, str] | None:
    """Return the unit of each task, or None if all go by exact match."""
    if all(headline_of(task) == EXACT_MATCH for task in tasks):
        return None
    return {task.name: task.output.unit for task in tasks}


def _format(metrics: Mapping[str, float], name: str, spec: str) -> str:
    return spec.format(metrics[name]) if name in metrics else "-"


def describe_example(row: EvaluatedRow, width: int) -> str:
    """Return a row, its answer, and the right answer if that is another one, in at most `width` characters."""
    texts = [row.input, row.prediction or "(nothing)"]
    texts += [] if row.prediction == row.target else [row.target or ""]
    signs = ("  ", " -> ", "  (right)") if len(texts) == 2 else ("  ", " -> ", "  (expected: ", ")")
    room = (width - sum(map(len, signs))) // len(texts)
    shown = [printable(text) for text in texts]
    if sum(map(len, shown)) > room * len(texts):
        shown = [cut(text, room) for text in shown]
    return "".join(f"{sign}{text}" for sign, text in zip(signs, [*shown, ""], strict=False))


def describe_size(base: str, rows: int) -> str | None:
    """Return how long a test of the shipped model takes and how to take fewer rows; None for others and for few rows.

    Examples:
        >>> describe_size("flagship", 5_165)[:63], describe_size("bundled", 5_165), describe_size("flagship", 500)
        ('test: no run is named, so the shipped flagship answers 5,165 te', None, None)
    """
    if base != "flagship" or rows < MANY_ROWS:
        return None
    return (
        f"test: no run is named, so the shipped flagship answers {rows:,} test rows, which take {TEST_MINUTES}. "
        "Fewer: --data.test_rows 500; a run of yours: --ckpt_path runs/NAME."
    )


def _epoch_loss(trainer: Trainer) -> dict[str, float]:
    """Return the mean of the training losses that metrics.csv has of this epoch; nothing if the run writes no such file."""
    for logger in trainer.loggers:
        if isinstance(logger, MetricsCSV):
            logger.save()
            losses = average_losses(read_metrics(Path(logger.log_dir) / "metrics.csv"))
            epoch = trainer.current_epoch
            return {"train/loss": losses[epoch]} if epoch in losses else {}
    return {}


class EpochLines(PartReader):
    """Prints a line for each epoch of `fit`, and at the end of `fit`, `validate` and `test` a few example answers.

    The loss is the mean of what the epoch has logged, as in epochs.csv, and that of the validation rows; `left` is estimated
    from the pace so far, validation included. Only rank 0 prints; the examples are the first rows that it evaluated.
    """

    def __init__(self) -> None:
        super().__init__()
        self._examples: list[EvaluatedRow] = []
        self._validated = False
        self._began, self._first_step = time.monotonic(), 0

    def setup(self, trainer: Trainer, pl_module: LightningModule, stage: str) -> None:
        """Say what runs where."""
        if trainer.is_global_zero:
            count, kind = trainer.world_size, trainer.strategy.root_device.type
            where = f"{count} {'devices' if count > 1 else 'device'} ({kind})"
            say(
                f"{TrainerFn(stage).value}: {from_here(run_folder(trainer))}, {where}, precision {trainer.precision}",
                error=True,
            )
            if stage == TrainerFn.TESTING and trainer.ckpt_path is None:
                rows = evaluation_data(trainer).num_rows("test")
                if note := describe_size(evaluated_model(pl_module).base, rows):
                    say(note, error=True)

    def read_rows(
        self, trainer: Trainer, pl_module: LightningModule, stage: Stage, evaluation: Evaluation
    ) -> None:
        """Keep a few rows of this evaluation, in place of those of an earlier one."""
        self._examples = []
        super().read_rows(trainer, pl_module, stage, evaluation)

    def read_part(
        self, trainer: Trainer, pl_module: LightningModule, stage: Stage, evaluation: Evaluation
    ) -> None:
        """Keep the first rows."""
        self._examples = sorted([*self._examples, *evaluation.rows], key=lambda row: row.index)[:EXAMPLES]

    def finish(self, trainer: Trainer, pl_module: LightningModule, stage: Stage) -> None:
        """Note that the epoch was validated."""
        self._validated = True

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Print the names of the columns, and start the clock."""
        self._began, self._first_step = time.monotonic(), trainer.global_step
        if trainer.is_global_zero:
            columns = COLUMNS if _units(evaluation_data(trainer).tasks) is None else KIND_COLUMNS
            say(format_line(list(columns), columns), wrap=False)

    def on_validation_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Print a line for a validation within an epoch."""
        progress = trainer.fit_loop.epoch_loop.batch_progress
        if (
            trainer.state.fn == TrainerFn.FITTING
            and not trainer.sanity_checking
            and not progress.is_last_batch
        ):
            share = progress.current.ready / trainer.num_training_batches
            self._say_line(trainer, f"{trainer.current_epoch + min(share, 1):.1f}")

    def on_train_epoch_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Print the epoch's line."""
        most = trainer.max_epochs
        of = f"/{most}" if most is not None and 0 < most < 1000 else ""
        self._say_line(trainer, f"{trainer.current_epoch + 1}{of}")

    def _say_line(self, trainer: Trainer, epoch: str) -> None:
        metrics, data = current_metrics(trainer), evaluation_data(trainer)
        if trainer.is_global_zero:
            metrics |= _epoch_loss(trainer)
            asked = keep_asked(data.tasks)  # nothing is measured of the others
            left, units = self._seconds_left(trainer), _units(asked)
            for line in epoch_lines(
                epoch,
                metrics,
                [task.name for task in asked],
                self._validated,
                left,
                units,
                list(data.held_out),
                whole_names=not sys.stdout.isatty(),
            ):
                say(line, wrap=False)
        self._validated = False

    def _seconds_left(self, trainer: Trainer) -> float:
        """Return how long the rest of the fit takes at the pace so far; infinity if that is not known."""
        done = trainer.global_step - self._first_step
        untyped: Any = trainer
        total = float(untyped.estimated_stepping_batches)
        if trainer.should_stop or trainer.global_step >= total:
            return 0.0
        pace = (time.monotonic() - self._began) / done if done else math.inf
        return pace * (total - trainer.global_step)

    def _say_examples(self, trainer: Trainer, title: str) -> None:
        if trainer.is_global_zero and self._examples and not is_trial(trainer):
            console = Console()
            width = console.width - 1 if console.is_terminal else PIPE_WIDTH
            lines = [title, *(describe_example(row, width) for row in self._examples)]
            say("\n".join(lines), wrap=False)
        self._examples = []

    def on_fit_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Print the examples of the last validation."""
        self._say_examples(trainer, "Examples of the last validation:")

    def on_test_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Print the examples."""
        self._say_examples(trainer, "Examples:")

    def teardown(self, trainer: Trainer, pl_module: LightningModule, stage: str) -> None:
        """Print the examples of `validate`, and end the child processes."""
        if stage == TrainerFn.VALIDATING:
            self._say_examples(trainer, "Examples:")
        super().teardown(trainer, pl_module, stage)
