"""Weights that a base has for some tasks: a run of such tasks starts from them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from lightning.pytorch import Callback, LightningModule, Trainer
from lightning.pytorch.trainer.states import TrainerFn

from callbacks.loggers.terminal import say
from callbacks.rows.protocols import EvaluationData, evaluated_model, evaluation_data
from datamodules.tasks import Task, keep_asked
from datamodules.texts.asking import Asking, load_parts


class OwnWeights(Callback):
    """Lets the model start from the weights that its base has for the run's tasks, if the base has several sets."""

    def setup(self, trainer: Trainer, pl_module: LightningModule, stage: str) -> None:
        """Choose the weights, after the rows are read and before the weights are.

        Raises:
            ValueError: If an evaluation has tasks that different weights answer.
        """
        base = evaluated_model(pl_module).base_facts
        parts = load_parts(Path(base.path)) if base.is_local and base.path else {}
        if not parts:
            return
        tasks = asked_tasks(evaluation_data(trainer), stage)
        chosen = {find_part(task, parts) for task in tasks}
        if len(chosen) > 1 and TrainerFn(stage) != TrainerFn.FITTING and not trainer.ckpt_path:
            names = [task.name for task in tasks]
            raise ValueError(
                f"Expected tasks that the same weights answer, since the base {base.name} has several sets, but got "
                f"{','.join(names)}: one at a time, --data.task {names[-1]}."
            )
        part = next(iter(chosen)) if len(chosen) == 1 else None
        if part is not None:
            model: Any = pl_module
            model.start_from(part)
        elif len(chosen) > 1 and trainer.is_global_zero and not trainer.ckpt_path:
            say(
                f"Base: {base.name} has weights of its own for some of the tasks; together all start from one set."
            )


def asked_tasks(data: EvaluationData, stage: str) -> Sequence[Task]:
    """Return the tasks that a stage asks: of `predict` the one whose input its file has."""
    tasks = keep_asked(data.tasks)
    if TrainerFn(stage) != TrainerFn.PREDICTING:
        return tasks
    name = data.row("predict", 0).task if data.num_rows("predict") else None
    return [task for task in tasks if task.name == name]


def find_part(task: Task, parts: Mapping[Path, Asking]) -> Path | None:
    """Return the folder of the weights that were trained on a task's notations; None for those of the base itself.

    Args:
        task: The task.
        parts: How a base's further weights are asked, by folder.
    """
    wanted = task.input.shown_notation, task.output.notation
    for part, asking in parts.items():
        if wanted in [(one.input.shown_notation, one.output.notation) for one in asking.tasks]:
            return part
    return None
