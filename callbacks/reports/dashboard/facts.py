"""What tells runs apart in W&B: a name, facts in the config, and the exported weights' metrics in the summary."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from lightning.pytorch import LightningModule, Trainer
from lightning.pytorch.loggers import WandbLogger
from lightning.pytorch.trainer.states import TrainerFn
from torch.nn import Parameter

from callbacks.rows.protocols import EvaluationData, evaluated_model, evaluation_data
from callbacks.run.run_facts import (
    METRICS_KEY,
    MetricsKeeper,
    best_checkpoint,
    current_metrics,
    is_trial,
    load_checkpoint,
)

GROUP = "facts"
"""The group of the facts in a W&B run's config."""
BEST = "best"
"""What the metrics of the exported weights are below in a W&B run's summary."""
_MOST_TASKS = 2


def name_run(tasks: Sequence[str], form: str, base: str, rows: int | None) -> str:
    """Return a name that tells runs apart: `task-format-base-size`.

    Args:
        tasks: The names of the tasks.
        form: The name of the format.
        base: The base: a name, a folder or a Hub id, of which the last part is taken.
        rows: The number of training rows; None leaves the size out.

    Examples:
        >>> name_run(["smiles_to_iupac"], "arrow", "facebook/opt-125m", 101_203)
        'smiles_to_iupac-arrow-opt-125m-101k'
        >>> name_run(["a", "b", "c"], "tags", "bundled", None)
        '3_tasks-tags-bundled'
    """
    task = "+".join(tasks) if len(tasks) <= _MOST_TASKS else f"{len(tasks)}_tasks"
    parts = [task, form, Path(base).name, *([] if rows is None else [shorten_count(rows)])]
    return "-".join(parts)


def shorten_count(number: int) -> str:
    """Return a number in at most three digits, with k or M.

    Examples:
        >>> [shorten_count(number) for number in (300, 1_000, 9_014, 12_500, 101_203, 999_999, 2_340_000)]
        ['300', '1k', '9.01k', '12.5k', '101k', '1M', '2.34M']
    """
    for size, unit in ((1, ""), (1_000, "k"), (1_000_000, "M")):
        if number / size < 999.5 or unit == "M":
            return f"{float(f'{number / size:.3g}'):g}{unit}"
    raise AssertionError("the last unit takes every number")


def count_parameters(parameters: Iterable[Parameter]) -> dict[str, int]:
    """Return the number of parameters, of all and of those that are trained.

    Examples:
        >>> import torch
        >>> layer = torch.nn.Linear(3, 2)
        >>> layer.bias.requires_grad = False
        >>> count_parameters(layer.parameters())
        {'parameters': 8, 'trainable_parameters': 6}
    """
    counted = [(one.numel(), one.requires_grad) for one in parameters]
    return {
        "parameters": sum(number for number, _ in counted),
        "trainable_parameters": sum(number for number, trained in counted if trained),
    }


def describe_data(data: EvaluationData) -> dict[str, Any]:
    """Return what a run's data are: task, format, the rows really used of each side, and the tables' hash."""
    report = data.report
    return {
        "task": "+".join(data.task_names),
        "format": data.form.name,
        "rows": dict(report.get("rows", {})),
        "table": join_hashes(report.get("contents", {})),
    }


def join_hashes(contents: Mapping[str, str]) -> str | None:
    """Return one hash of the sources' contents: a single source's own, and None if any is unknown.

    Examples:
        >>> join_hashes({"mols.csv": ".csv 6a1f"}), join_hashes({})
        ('6a1f', None)
        >>> join_hashes({"a.csv": ".csv 1", "b.csv": ".csv 2"}) == join_hashes({"moved.csv": ".csv 1", "b.csv": ".csv 2"})
        True
    """
    if len(contents) == 1:
        return next(iter(contents.values())).rpartition(" ")[2]
    if not contents:
        return None
    return hashlib.blake2b("\n".join(contents.values()).encode(), digest_size=16).hexdigest()


def rename_best(metrics: Mapping[str, float], epoch: int | None) -> dict[str, float]:
    """Return the validation metrics of the exported weights under their names in the summary.

    With one task the means over tasks, such as `best/exact_match`, have the bounds of that task.

    Examples:
        >>> rename_best({"val/bleu": 0.5, "val/t/bleu": 0.5, "val/t/bleu_low": 0.4, "train/lr": 1.0}, epoch=3)
        {'best/bleu': 0.5, 'best/t/bleu': 0.5, 'best/t/bleu_low': 0.4, 'best/bleu_low': 0.4, 'best/epoch': 3}
    """
    measured = {
        name.removeprefix("val/"): value for name, value in metrics.items() if name.startswith("val/")
    }
    tasks = dict.fromkeys(name.rpartition("/")[0] for name in measured if "/" in name)
    if len(tasks) == 1:
        for name in [name for name in measured if name.endswith(("_low", "_high"))]:
            last = name.rpartition("/")[2]
            if last.rpartition("_")[0] in measured:
                measured[last] = measured[name]
    found = {f"{BEST}/{name}": value for name, value in measured.items()}
    return {**found, **({} if epoch is None or not found else {f"{BEST}/epoch": epoch})}


def read_training_rows(run: Path) -> int | None:
    """Return how many rows a run was trained on by its data.json, or None."""
    try:
        rows = json.loads((run / "data.json").read_text(encoding="utf-8"))["rows"]["train"]
    except (OSError, ValueError, KeyError, TypeError):
        return None
    return rows if isinstance(rows, int) else None


class DashboardFacts(MetricsKeeper):
    """Tells W&B a fit's facts when it begins, and when it ends the metrics of the weights that are exported.

    The config gets the group `facts`: task, format, base, the number of parameters and of those that are trained, the rows
    really used of each side, and a hash of the tables' content. The summary gets `best/...`, the metrics in the checkpoint
    that is exported; without checkpoints, those of the last evaluation.
    """

    def on_fit_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Log the facts, before a strategy shards the parameters."""
        loggers = _find_loggers(trainer)
        if not loggers:
            return
        base = {"base": evaluated_model(pl_module).base}
        facts = describe_data(evaluation_data(trainer)) | base | count_parameters(pl_module.parameters())
        for logger in loggers:
            logger.log_hyperparams({GROUP: facts})

    def teardown(self, trainer: Trainer, pl_module: LightningModule, stage: str) -> None:
        """Write the exported weights' metrics to the summary."""
        loggers = _find_loggers(trainer)
        if not loggers or trainer.state.fn != TrainerFn.FITTING:
            return
        best = best_checkpoint(trainer)
        if best is None:
            summary = rename_best(current_metrics(trainer), None)
        else:
            checkpoint = load_checkpoint(best)
            summary = rename_best(checkpoint.get(METRICS_KEY) or {}, checkpoint["epoch"])
        for logger in loggers:
            logger.experiment.summary.update(summary)


def _find_loggers(trainer: Trainer) -> list[WandbLogger]:
    """Return the W&B loggers of rank 0; none of a trial."""
    if not trainer.is_global_zero or is_trial(trainer):
        return []
    return [logger for logger in trainer.loggers if isinstance(logger, WandbLogger)]
