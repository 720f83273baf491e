"""The results in a model card and beside it, as a fit writes them and a test adds to them. Pure.

They stand between two marks, so that the rest of a card is its owner's to change.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from pathlib import PurePath
from typing import Any, Protocol

from huggingface_hub import EvalResult, EvalResultEntry, ModelCard, eval_result_entries_to_yaml
from torch import Tensor, uint8

from callbacks.reports.export.licences import name_data
from callbacks.rows.headlines import format_value, headline_of_metrics
from callbacks.rows.protocols import EvaluationData, Generation
from callbacks.statistics.class_names import is_bound
from callbacks.statistics.intervals import format_estimate
from configs.yaml_text import write_yaml


class Measured(Protocol):
    """What results are of: the tasks and their rows."""

    @property
    def task_names(self) -> list[str]:
        """The names of the tasks."""

    @property
    def report(self) -> Mapping[str, Any]:
        """Counts of rows; `sources` holds the counts of each source by name."""


_RESULTS = re.compile(r"<!-- patois: results (.*?) -->.*?<!-- patois: end of results -->", re.DOTALL)
_REPORTED = {
    "exact_match": ("exact_match", "right", "validity"),
    "auroc": ("auroc", "balanced_accuracy", "accuracy", "average_precision"),
    "mae_all": ("mae_all", "rmse", "r2", "spearman"),
}
"""The measures of a task that go into the Hub's fields, by its headline; the table has all."""
_SAMPLED = 1024
"""Values of each tensor that tell weights apart: training changes nearly all of them."""


def mark_weights(state: Mapping[str, Tensor]) -> str:
    """Return a short text that is equal for equal weights, and different after any training.

    Args:
        state: A state dict, on any device. Only the first values of each tensor are read.
    """
    found = hashlib.sha256()
    for name in sorted(state):
        sample = state[name].detach().flatten()[:_SAMPLED].cpu().contiguous()
        found.update(f"{name} {tuple(state[name].shape)} {sample.dtype} ".encode())
        found.update(sample.view(uint8).numpy().tobytes())
    return found.hexdigest()[:16]


def mark_questions(data: EvaluationData, generation: Generation) -> str:
    """Return a short text that is equal where results can stand side by side: the same data, split, words and settings.

    The folders of files do not count, since a run may be tested from elsewhere.
    """
    sources = [[PurePath(name).name, rows] for name, rows in data.report.get("sources", {}).items()]
    settings = [generation.strategy, generation.only_valid, generation.max_new_tokens]
    form = data.asking.form
    words = [list(data.task_names), form.name, form.prompt, form.completion, data.asking.shots]
    asked = [sources, data.report.get("split"), words, settings]
    return hashlib.sha256(json.dumps(asked).encode()).hexdigest()[:16]


def result_table(metrics: Mapping[str, float]) -> str:
    """Return the evaluation metrics as a Markdown table, with each interval in its metric's cell."""
    names = [name for name in sorted(metrics) if name.startswith(("val/", "test/"))]
    lines = [
        f"| {name} | {format_estimate(metrics, name)} |" for name in names if not is_bound(name, metrics)
    ]
    return "\n".join(["| metric | value (95 % interval) |", "|---|---|", *lines])


def describe_results(data: EvaluationData, metrics: Mapping[str, float], mark: str) -> str:
    """Return what a card says of its results, between two marks by which `update_card` finds it again."""
    sides = {"val": "validation", "test": "test"}
    named = " and the ".join(
        f"{word} side (`{side}/`)"
        for side, word in sides.items()
        if any(name.startswith(f"{side}/") for name in metrics)
    )
    split = data.report.get("split", "given")
    return f"""<!-- patois: results {mark} -->
These weights, on the {named or "validation side"} of the {split} split.

{result_table(metrics)}
<!-- patois: end of results -->"""


def find_mark(text: str) -> str | None:
    """Return the mark of a card's results, or None if their place is gone."""
    found = _RESULTS.search(text)
    return found.group(1) if found else None


def update_card(text: str, data: EvaluationData, metrics: Mapping[str, float]) -> str:
    """Return a card with other results: those between the marks, and those in its head. All else stays as it is.

    In the head, results of the same task, rows and measure are replaced, and others stay.

    Args:
        text: A card with its marks.
        data: The rows that were measured.
        metrics: All results that the card shall have.

    Raises:
        ValueError: If the Hub could not read the card's head.
    """
    mark = find_mark(text)
    assert mark is not None, "only cards with marks have a place for results"
    head = ModelCard(text)
    facts: Any = head.data  # `ModelCardData`, though declared as its base class
    new, kinds = list_results(data, metrics)
    measured = {_key(result) for result in new}
    others = [result for result in facts.eval_results or [] if _key(result) not in measured]
    facts.eval_results = [*others, *new]
    facts.metrics = list(dict.fromkeys([*(facts.metrics or []), *kinds])) or None
    facts.model_name = facts.model_name or ", ".join(data.task_names)
    results = describe_results(data, metrics, mark)
    return _RESULTS.sub(lambda _: results, str(head), count=1).rstrip() + "\n"


def eval_results(data: Measured, metrics: Mapping[str, float]) -> dict[str, str]:
    """Return the content of a file of `.eval_results/` for each task whose headline was measured."""
    files = {}
    for task in data.task_names:
        entries = [
            EvalResultEntry(
                dataset_id=_dataset(data),
                task_id=task,
                value=round(
                    (100 if headline.percent else 1) * found[headline.metric], 2 if headline.percent else 4
                ),
                notes=f"{side} rows, {headline.label}{' in percent' if headline.percent else ''}, "
                f"95 % interval {format_value(headline, found)}",
            )
            for side in ("val", "test")
            if (headline := headline_of_metrics(found := _of_task(metrics, side, task))).metric in found
        ]
        if entries:
            files[task] = write_yaml(eval_result_entries_to_yaml(entries))
    return files


def list_results(data: Measured, metrics: Mapping[str, float]) -> tuple[list[EvalResult], list[str]]:
    """Return the results for the Hub's fields, and the names of their measures."""
    measured = [
        (side, task, kind)
        for side in ("val", "test")
        for task in data.task_names
        for kind in _REPORTED[headline_of_metrics(_of_task(metrics, side, task)).metric]
        if f"{side}/{task}/{kind}" in metrics
    ]
    results = [
        EvalResult(
            task_type="text-generation",
            task_name=task,
            dataset_type=_dataset(data),
            dataset_name=_dataset(data),
            # Without it the results of all tasks would stand under the first one's name.
            dataset_config=task if len({name for _, name, _ in measured}) > 1 else None,
            dataset_split="validation" if side == "val" else "test",
            metric_type=kind,
            metric_name=kind.replace("_", " "),
            metric_value=round(metrics[f"{side}/{task}/{kind}"], 4),
            metric_args=_interval(metrics, f"{side}/{task}/{kind}"),
        )
        for side, task, kind in measured
    ]
    return results, list(dict.fromkeys(kind for _, _, kind in measured))


def _of_task(metrics: Mapping[str, float], side: str, task: str) -> dict[str, float]:
    """Return a task's metrics of a side, by their names without both."""
    start = f"{side}/{task}/"
    return {name[len(start) :]: value for name, value in metrics.items() if name.startswith(start)}


def _key(result: EvalResult) -> tuple[Any, ...]:
    return result.task_name, result.dataset_type, result.dataset_split, result.metric_type


def _interval(metrics: Mapping[str, float], name: str) -> dict[str, Any] | None:
    bounds = {
        side: round(metrics[f"{name}_{side}"], 4) for side in ("low", "high") if f"{name}_{side}" in metrics
    }
    return {f"{side}_95": value for side, value in bounds.items()} or None


def _dataset(data: Measured) -> str:
    """Return the first source: its id on the Hub, its name, or that of its file."""
    return name_data(next(iter(data.report.get("sources", {})), "not recorded"))
