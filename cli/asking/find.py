"""Find a trained model by its folder: where its weights are, and the tasks and the format in which it is asked."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from cli.settings.run_settings import read_typed_settings
from configs.program import spell
from datamodules.flag_tasks import choose_tasks
from datamodules.formats import InstructionFormat, load_format
from datamodules.limits import parse_shots
from datamodules.tasks import Task, keep_asked
from datamodules.texts.asking import FILE, Asking, list_parts, load_asking, read_choice_score
from lightning_modules.decoder.bases import FLAGSHIP
from lightning_modules.generation.settings import ChoiceScore, GenerationSettings


@dataclass(frozen=True)
class Described:
    """A trained model's folder, and the tasks and format it was trained on."""

    weights: Path
    """A Hugging Face folder, or a checkpoint in its run's folder."""
    tasks: tuple[Task, ...]
    form: InstructionFormat
    conditions: Mapping[str, Sequence[str]] = field(default_factory=dict)
    """The conditions of the training rows by the task's name, as far as they are recorded."""
    choice_score: ChoiceScore = "sum"
    """How the run scores the choices of a task, as `--model.generation.choice_score`."""
    weights_of: Mapping[str, Path] = field(default_factory=dict)
    """By the name of a task, weights of its own; `weights` are those of all others."""

    @property
    def asking(self) -> Asking:
        """How it is asked."""
        return Asking(self.tasks, self.form, conditions=self.conditions)


def default_folder(runs: Path = Path("runs")) -> Path:
    """Return the default model's folder: the run that ended last, or else the shipped model."""
    latest = max(runs.glob("*/hf/config.json"), key=lambda path: path.stat().st_mtime, default=None)
    return FLAGSHIP if latest is None else latest.parent.parent


def describe(
    folder: Path, task: str | None = None, form: str | None = None, named: str = "--model"
) -> Described:
    """Find a model's weights, and the tasks and format it was trained on.

    Args:
        folder: A run's folder, its `hf` folder, a copy of its `hf` folder, or a checkpoint in a run's folder. A run that has no
            `hf` folder yet is asked by its checkpoint.
        task: As `--data.task`; default: the run's.
        form: As `--data.format`; default: the run's.
        named: What the caller calls the folder.

    Raises:
        ValueError: If the folder holds no weights, if the task or format is unknown, or if the run used
            demonstrations, which are rows of its table.
    """
    weights = _find_weights(folder)
    if weights is None:
        raise ValueError(
            f"Expected {named} to be a run's folder with hf/ (a fit writes it at its end), a checkpoint in a run's folder, or an "
            f"exported Hugging Face folder, but neither {folder / 'hf/config.json'} nor {folder / 'config.json'} exists."
        )
    run = weights.resolve().parent if weights.is_dir() else weights.resolve().parent.parent
    asking = (load_asking(weights) if weights.is_dir() else None) or _asking_of_run(run / "config.yaml")
    if asking is None and not (task and form):
        raise ValueError(
            f"{weights} has no {FILE} (a fit writes it), so its task and format are unknown. Set --task and --format (the model "
            "card in the folder names them)."
        )
    if asking is not None and asking.shots:
        raise ValueError(
            f"{weights}: --data.shots {asking.shots} puts rows of the training table before each question, but "
            f"that table is not read here. Use `{spell('predict')}`."
        )
    tasks = asking.tasks if asking and not task else tuple(choose_tasks(task)[0])
    choice_score = _find_choice_score(weights, run)
    if form:
        return Described(weights, tasks, load_format(form), choice_score=choice_score)
    assert asking is not None
    found = Described(weights, tasks, asking.form, asking.conditions, choice_score)
    return (
        found if task or weights.is_file() else _join(found, [describe(part) for part in list_parts(weights)])
    )


def _join(whole: Described, parts: Sequence[Described]) -> Described:
    """Return a model with the tasks of its parts, which weights of their own answer.

    Raises:
        ValueError: If a part is asked in another format.
    """
    for part in parts:
        if part.form != whole.form:
            raise ValueError(
                f"{part.weights}: expected the format {whole.form.name} of {whole.weights}, but its format is {part.form.name}: "
                "export both from runs with one format."
            )
    return replace(
        whole,
        tasks=(*whole.tasks, *(task for part in parts for task in part.tasks)),
        conditions={name: known for one in (whole, *parts) for name, known in one.conditions.items()},
        weights_of={task.name: part.weights for part in parts for task in part.tasks},
    )


def _find_weights(folder: Path) -> Path | None:
    """Return the exported folder or else the checkpoint that a path means, or None."""
    exported = [path for path in (folder / "hf", folder) if (path / "config.json").is_file()]
    checkpoints = [folder, *(folder / "checkpoints" / name for name in ("best.ckpt", "last.ckpt"))]
    files = [path for path in checkpoints if path.is_file() and path.suffix == ".ckpt"]
    return next(iter([*exported, *files]), None)


def _find_choice_score(weights: Path, run: Path) -> ChoiceScore:
    """Return how a run scores choices, by the exported folder or else by the run's config.yaml.

    Raises:
        ValueError: If it is none of the ways that there are.
    """
    found: Any = read_choice_score(weights) if weights.is_dir() else None
    if found is None and (run / "config.yaml").is_file():
        model = read_typed_settings(run).get("model") or {}
        found = (model.get("generation") or {}).get("choice_score")
    return GenerationSettings(choice_score=found or "sum").choice_score


def _asking_of_run(settings: Path) -> Asking | None:
    """Return how a run's model is asked by its config.yaml, for exports from before `patois.json`; None without one."""
    data = (read_typed_settings(settings.parent).get("data") or {}) if settings.is_file() else {}
    if not data:
        return None
    flags = ("input_column", "output_column", "input_notation", "output_notation", "choices", "digits")
    tasks, _ = choose_tasks(data.get("task"), **{name: data.get(name) for name in flags})
    return Asking(
        tuple(keep_asked(tasks)), load_format(data["format"]), parse_shots(data.get("shots") or 0)[1]
    )
