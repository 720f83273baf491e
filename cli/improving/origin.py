"""What is improved: a trained model's weights, tasks and format, and the settings of further fits."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, fields, replace
from pathlib import Path
from typing import Any

from cli.asking.find import describe
from cli.checks.flag_words import split_words
from cli.settings.run_settings import read_run_settings
from configs.lookup import CONFIGS, load_yaml
from configs.program import spell
from datamodules.formats import InstructionFormat
from datamodules.rows.read_and_split import SplitSettings
from datamodules.task_weights import parse_weights
from datamodules.tasks import Task
from lightning_modules.decoder.bases import FLAGSHIP, learning_rate_of

FURTHER = 0.2
"""Of a run's peak learning rate, what a round has by default: its weights are trained already."""
_OWN = {
    "trainer": ("default_root_dir", "max_epochs", "min_epochs", "max_steps", "min_steps", "max_time", "limit_train_batches",
                "overfit_batches", "fast_dev_run", "val_check_interval", "check_val_every_n_epoch"),
    "model": ("base", "init", "add_tokens"),
    "data": ("task", "source", "input_column", "output_column", "input_notation", "output_notation", "choices", "digits",
             "format", "epoch_rows", "sampling", "sampling_floor", "target_task", "predict_path"),
}  # fmt: skip
"""Settings of a run that a round has of its own."""
_GROUPS = ("trainer", "model", "data", "wandb", "checkpoint")


@dataclass(frozen=True)
class Origin:
    """A trained model and how to train it further."""

    weights: Path
    """A Hugging Face folder."""
    tasks: tuple[Task, ...]
    """The tasks that it is asked, each with the source of its real rows."""
    form: InstructionFormat
    shares: Mapping[str, float] | None
    """The tasks' weights in training; None: by their rows."""
    settings: Mapping[str, Any]
    """Nested settings of a fit, without those of a round."""

    def find_task(self, name: str | None) -> Task:
        """Return the task to improve: the named one, or else the only one.

        Raises:
            ValueError: If it is unknown or not named, or its answers are not generated.
        """
        names = ", ".join(task.name for task in self.tasks)
        chosen = [task for task in self.tasks if name in (None, task.name)]
        if len(chosen) != 1:
            raise ValueError(
                f"Expected --task to be one of {names}, since the model was trained on these, but got "
                f"{'none' if name is None else repr(name)}."
            )
        if chosen[0].choices is not None:
            raise ValueError(
                f"Expected a task whose answers the model writes, but {chosen[0].name} has choices, which are scored: no "
                "candidates can be drawn."
            )
        if chosen[0].input.mask:
            raise ValueError(
                f"Expected a task whose inputs stand in a table, but {chosen[0].name} masks whole texts, of which its answers "
                "are parts: further texts are further training rows as they are."
            )
        return chosen[0]


def read_origin(folder: Path) -> Origin:
    """Return what a run or an exported folder is, and how to train it further.

    Raises:
        ValueError: If it has no exported weights, no tasks with a source, or a split that moves when rows are added.
    """
    described = describe(folder)
    if described.weights.is_file():
        raise ValueError(
            f"Expected --model to be a run's folder with hf/ or an exported folder, but {folder} has only checkpoints: the end "
            f"of its fit writes hf/ ({spell('fit', '--ckpt_path', 'last', '--name', folder.name)})."
        )
    run = described.weights.resolve().parent
    is_flagship = described.weights.resolve() == FLAGSHIP.resolve()
    own: dict[str, Any] = {}
    if is_flagship:
        own = load_yaml(CONFIGS / "flagship.yaml")
    elif described.weights.name == "hf" and (run / "config.yaml").is_file():
        own = read_run_settings(run)
    data = own.get("data") or {}
    if str(data.get("split")) == "random":
        raise ValueError(
            f"Expected {folder} to have a split that stays when rows are added, but it has --data.split random, so that held-out "
            "rows would be trained on: train with --data.split identity."
        )
    tasks = tuple(place_task(task, data.get("source")) for task in described.tasks)
    for task in tasks:
        if task.source is None:
            raise ValueError(
                f"{folder}: expected its tasks to name the source of their rows, but {task.name} names none: give a run's "
                "folder, whose config.yaml does."
            )
    rate = None
    if is_flagship or not own:
        rate = learning_rate_of("flagship" if is_flagship else str(described.weights))
    return Origin(
        described.weights, tasks, described.form, read_shares(data.get("task"), tasks), further_settings(own, rate)
    )  # fmt: skip


def place_task(task: Task, source: Any) -> Task:
    """Return a task with the source of its rows: the run's, or its own; a file by its full path."""
    name = str(source) if source is not None else task.source
    if name is None:
        return task
    path = Path(name).expanduser()
    return replace(task, source=str(path.resolve()) if path.is_file() else name)


def read_shares(given: Any, tasks: tuple[Task, ...]) -> Mapping[str, float] | None:
    """Return the tasks' weights in training by their names, or None if a run gave none.

    Args:
        given: The run's `--data.task`.
        tasks: Its tasks that it is asked.
    """
    if given is None:
        return None
    weights = {Path(name).stem: weight for name, weight in parse_weights(given).items()}
    if all(weight is None for weight in weights.values()):
        return None
    return {task.name: 1.0 if (weight := weights.get(task.name)) is None else weight for task in tasks}


def further_settings(own: Mapping[str, Any], rate: float | None = None) -> dict[str, Any]:
    """Return nested settings of a further fit: a run's own without those of a round, at a smaller learning rate.

    Args:
        own: The run's nested settings; numbers may be as they are written.
        rate: The peak learning rate; default: a fifth of the run's.

    Examples:
        >>> own = {"trainer": {"max_epochs": 4, "precision": "32"}, "data": {"task": "a", "batch_size": 8}, "name": "x"}
        >>> settings = further_settings(own)
        >>> settings["trainer"], settings["data"], round(settings["model"]["optimizer"]["init_args"]["lr"], 6)
        ({'precision': '32'}, {'batch_size': 8}, 0.0004)
    """
    settings = {
        group: {
            name: value for name, value in (own.get(group) or {}).items() if name not in _OWN.get(group, ())
        }
        for group in _GROUPS
    }
    callbacks = [
        {
            **one,
            "init_args": {
                name: value for name, value in (one.get("init_args") or {}).items() if name != "dirpath"
            },
        }
        for one in settings["trainer"].get("callbacks") or []
    ]
    if callbacks:
        settings["trainer"]["callbacks"] = callbacks
    default = load_yaml(CONFIGS / "default.yaml")["model"]["optimizer"]
    optimizer = settings["model"].get("optimizer") or default
    arguments = dict(optimizer.get("init_args") or {})
    if rate is not None or "lr" in arguments:
        arguments["lr"] = rate if rate is not None else FURTHER * float(arguments["lr"])
    settings["model"]["optimizer"] = {**optimizer, "init_args": arguments}
    return {group: content for group, content in settings.items() if content}


def refuse_own_flags(flags: Sequence[str]) -> None:
    """Raise ValueError if flags of the fits set what a round sets itself, or would move rows between the sides of the split.

    Examples:
        >>> refuse_own_flags(["--data.batch_size", "4"])
        >>> refuse_own_flags(["--data.split_seed", "1"])
        Traceback (most recent call last):
        ValueError: Expected no --data.split_seed: rows stay on the sides that the model's run gave them. Leave it out.
    """
    sides = {f"data.{item.name}" for item in fields(SplitSettings)}
    rounds = {f"{group}.{name}" for group, names in _OWN.items() for name in names}
    for flag in (word.flag for word in split_words(flags)):
        if flag in sides:
            raise ValueError(
                f"Expected no --{flag}: rows stay on the sides that the model's run gave them. Leave it out."
            )
        if flag in rounds:
            raise ValueError(
                f"Expected no --{flag}: a round sets it itself, by --task, --inputs, --steps and --real. Leave it out."
            )


def describe_task(task: Task) -> dict[str, Any]:
    """Return a task as its file holds it."""
    content: dict[str, Any] = json.loads(json.dumps(asdict(task)))
    return content


def describe_form(form: InstructionFormat) -> dict[str, Any]:
    """Return a format as its file holds it, which names it."""
    return {name: value for name, value in asdict(form).items() if name != "name"}
