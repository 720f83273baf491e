"""Which base to start from when a table is small: one that was trained on such a task already, in its own format."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

from configs.lookup import CONFIGS, list_configs, load_yaml
from datamodules.tasks import Task, load_task

FEW = 1_000
"""The most training rows at which a base that knows the task was measured to do better (docs/bases.md)."""


class KnowingBase(NamedTuple):
    """A base that was trained on a task."""

    name: str
    """Its name in configs/bases."""
    form: str
    """The format in which it was trained."""
    tasks: tuple[str, ...]
    """The tasks on which it was trained."""


def list_knowing() -> list[KnowingBase]:
    """Return the bases of configs/bases that say on which tasks, and in which format, they were trained.

    Examples:
        >>> list_knowing()
        [KnowingBase(name='flagship', form='styled', tasks=('smiles_to_iupac', 'iupac_to_smiles'))]
    """
    files = {name: load_yaml(CONFIGS / "bases" / f"{name}.yaml") for name in list_configs("bases")}
    return [_read(name, content) for name, content in files.items() if "tasks" in content]


def _read(name: str, content: dict[str, Any]) -> KnowingBase:
    return KnowingBase(name, content["format"], tuple(content["tasks"]))


def find_knowing(tasks: Sequence[Task], rows: int) -> KnowingBase | None:
    """Return the base that was trained on the notations of all tasks, if there are few rows; None without such a base.

    Args:
        tasks: The tasks of a fit.
        rows: The number of its training rows.

    Examples:
        >>> find_knowing([load_task("smiles_to_iupac")], 300).name, find_knowing([load_task("smiles_to_formula")], 300)
        ('flagship', None)
    """
    if rows > FEW:
        return None
    wanted = _notations(tasks)
    return next(
        (base for base in list_knowing() if wanted <= _notations(load_task(name) for name in base.tasks)),
        None,
    )


def describe_hint(base: str, tasks: Sequence[Task], rows: int) -> str | None:
    """Return a line about a base that would have served better, or None.

    Args:
        base: The base of a fit that has ended. One's own is not judged.
        tasks: Its tasks.
        rows: The number of its training rows.

    Examples:
        >>> describe_hint("bundled", [load_task("smiles_to_iupac")], 300)
        'Hint: few rows, and the base flagship knows this task already: try the same command with --model.base auto'
    """
    known = find_knowing(tasks, rows)
    if known is None or base == known.name or base not in list_configs("bases"):
        return None
    return f"Hint: few rows, and the base {known.name} knows this task already: try the same command with --model.base auto"


def _notations(tasks: Iterable[Task]) -> set[tuple[str, str]]:
    return {(task.input.shown_notation, task.output.notation) for task in tasks}
