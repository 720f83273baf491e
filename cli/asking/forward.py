"""A forward model for `--round_trip`: a trained model of a task the other way round."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from pathlib import Path

from lightning.pytorch import Callback

from callbacks.metrics.kinds.forward_round_trip import ForwardRoundTrip
from cli.asking.find import Described, describe
from cli.asking.model import Model
from datamodules.tasks import Task, find_reverse


def find_forward(folder: str, tasks: Sequence[Task]) -> Described:
    """Return the model in a folder.

    Raises:
        ValueError: If it holds no model, or one that was trained on none of the tasks the other way round.
    """
    described = describe(Path(folder).expanduser())
    if not any(find_reverse(task, described.tasks) for task in tasks):
        wanted = " or ".join(f"{task.output.column} to {task.input.column}" for task in tasks)
        raise ValueError(
            f"Expected --round_trip to be a model that was trained on {wanted}, but {folder} was trained on "
            f"{', '.join(task.name for task in described.tasks)}. Name another one, or leave the flag out."
        )
    return described


def set_forward(callbacks: list[Callback], folder: str | None, tasks: Sequence[Task]) -> None:
    """Make `validate` and `test` ask the forward model in the folder that `--round_trip` names.

    Raises:
        ValueError: If `find_forward` does.
    """
    if folder is None:
        return
    described = find_forward(folder, tasks)
    measuring = [callback for callback in callbacks if isinstance(callback, ForwardRoundTrip)]
    if not measuring:  # a run of an earlier version
        measuring = [ForwardRoundTrip()]
        callbacks[:0] = measuring  # before those that read what is logged
    for callback in measuring:
        callback.load = partial(Model, described)
