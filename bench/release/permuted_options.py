"""Ask a run's test rows with their options in other orders: `python -m bench.release.permuted_options runs/mine`.

For tasks whose options stand behind the input (`choices: {options: [...], shown: true}`). The rows, their phrasing and everything
else stay as `test` asks them. The orders are drawn as training draws them, from a seed of their own. A line of JSON a task is
printed, and with `--output` appended to a file.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from callbacks.statistics.intervals import bootstrap_interval
from cli.asking.find import describe
from cli.asking.weights import load_weights
from cli.settings.run_settings import read_typed_settings
from datamodules.sequence_task import SequenceTaskDataModule
from datamodules.tasks import Task
from datamodules.texts.augmentation import BASE
from lightning_modules.evaluation import Evaluator
from lightning_modules.generation.generate import GenerationSettings

ORDERS = 5
_SEED = 7_919  # orders of other epochs of the run's own seed were trained on


def find_shown_tasks(tasks: Sequence[Task]) -> list[str]:
    """Return the names of the tasks whose options stand behind the input.

    Raises:
        ValueError: If there is none, or the input of one varies, too.
    """
    shown = [task for task in tasks if task.choices is not None and task.choices.shown]
    if not shown:
        raise ValueError(
            f"Expected a task with `choices: {{options: [...], shown: true}}`, but got {', '.join(task.name for task in tasks)}, "
            "whose prompts show no options, so no order of them can matter."
        )
    for task in shown:
        if task.input.randomize or task.input.alternatives:
            raise ValueError(
                f"The task {task.name!r} also varies its input (`randomize`, `alternatives`): no change would be the order's."
            )
    return [task.name for task in shown]


def load_data(run: Path, tokenizer: Any) -> SequenceTaskDataModule:
    """Return the test rows of a run, asked in the first phrasing of their tasks."""
    settings = {
        **(read_typed_settings(run).get("data") or {}),
        "phrasings": "first",
        "num_workers": 0,
        "seed": _SEED,
    }
    data = SequenceTaskDataModule(tokenizer, **settings)
    find_shown_tasks(data.tasks)
    data.data.prepare_sides(("test",))
    return data


def answer_in_order(
    data: SequenceTaskDataModule, evaluator: Evaluator, rows: Sequence[int], order: int
) -> NDArray[np.int64]:
    """Return the number of the choice that each row is answered with, (N,), among the row's choices as they stand.

    Args:
        data: The rows.
        evaluator: The model.
        rows: N rows, by index.
        order: `BASE` for the options as they stand; from 0 for shuffled ones.
    """
    held = data.data.sides["test"]
    held.tokens = held.store.encode(held.places, order)
    size, answers = data.eval_batch_size, [np.zeros(0, dtype=np.int64)]
    for start in range(0, len(rows), size):
        batch: Any = data.questions("test", rows[start : start + size])
        with torch.inference_mode():
            answers.append(evaluator.answer(batch)["choices"].argmax(dim=1).numpy())
    return np.concatenate(answers)


def summarize(answers: NDArray[np.int64], targets: NDArray[np.int64]) -> dict[str, float]:
    """Return how much the order matters.

    Args:
        answers: (1 + K, N) answers to N rows with the options as they stand, and in K other orders.
        targets: (N,) right answers.

    Examples:
        >>> found = summarize(np.array([[0, 1], [0, 1], [1, 1]]), np.array([0, 1]))
        >>> found["changed"], found["ever_changed"], found["accuracy"], found["accuracy_shuffled"]
        (0.25, 0.5, 1.0, 0.75)
    """
    changed = answers[1:] != answers[:1]
    by_row = changed.mean(axis=0)
    low, high = bootstrap_interval(by_row)
    right = (answers == targets).mean(axis=1)
    return {
        "rows": answers.shape[1], "orders": len(changed), "changed": float(by_row.mean()), "changed_low": low,
        "changed_high": high, "ever_changed": float(changed.any(axis=0).mean()), "accuracy": float(right[0]),
        "accuracy_shuffled": float(right[1:].mean()),
    }  # fmt: skip


def measure(run: Path, orders: int = ORDERS, most: int | None = None) -> list[dict[str, Any]]:
    """Return a line for each task of a run that shows its options.

    Args:
        run: The run's folder.
        orders: Number of other orders.
        most: Most rows of a task, the first ones; None for all.

    Raises:
        ValueError: If the folder holds no model, or no task shows options.
    """
    decoder, tokenizer, _ = load_weights(describe(run).weights)
    data = load_data(run, tokenizer)
    score = ((read_typed_settings(run).get("model") or {}).get("generation") or {}).get("choice_score", "sum")
    evaluator = Evaluator(decoder, tokenizer, GenerationSettings(choice_score=score))
    rows = [data.row("test", index) for index in range(data.num_rows("test"))]
    lines = []
    for task in find_shown_tasks(data.tasks):
        chosen = [row for row in rows if row.task == task][:most]
        indices = [row.index for row in chosen]
        answers = np.stack(
            [answer_in_order(data, evaluator, indices, order) for order in (BASE, *range(orders))]
        )
        targets = np.array([row.choices.index(row.target or "") for row in chosen])
        lines.append({"run": run.name, "task": task, **summarize(answers, targets)})
    return lines


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure a run, and print the lines."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("run", type=Path, help="the run's folder")
    parser.add_argument("--orders", type=int, default=ORDERS, help="other orders in which each row is asked")
    parser.add_argument("--rows", type=int, help="most rows of a task; default: all test rows")
    parser.add_argument("--output", type=Path, help="a file to which the lines are appended")
    options = parser.parse_args(arguments)
    if options.orders < 1:
        parser.error(f"expected --orders to be at least 1, but got {options.orders}")
    text = "".join(json.dumps(line) + "\n" for line in measure(options.run, options.orders, options.rows))
    sys.stdout.write(text)
    if options.output is not None:
        with options.output.open("a", encoding="utf-8") as file:
            file.write(text)


if __name__ == "__main__":
    main()
