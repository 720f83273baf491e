"""What a checkpoint takes for granted about the data, by content: other rows may be equally many."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from datamodules.formats import InstructionFormat
from datamodules.storage.spill import blocks_of
from datamodules.tasks import Task
from datamodules.tokens.examples import Encoded

LATER = ("choices", "shots_from", "words", "condition")
"""Keys of tasks that earlier versions do not know."""

Contents = dict[str, Any]
"""A hash or a plain value for each thing that a checkpoint takes for granted, by its name in messages."""


def describe_training(
    encoded: Encoded, form: InstructionFormat, tasks: Sequence[Task], settings: dict[str, Any]
) -> Contents:
    """Return the content of what a run trains on.

    Args:
        encoded: The tokens of all training rows, as epoch 0 renders them with the first phrasing.
        form: The instruction format.
        tasks: The tasks; their phrasings and spellings vary with the epoch.
        settings: Further values that change the batches.

    Examples:
        >>> import numpy as np
        >>> encoded = Encoded(np.array([7, 8, 1]), offsets=np.array([0, 3]), prompt_lengths=np.array([1]))
        >>> form = InstructionFormat("arrow", "{input} ->", " {output}")
        >>> list(describe_training(encoded, form, [], {"--data.loss_on": "all"}))
        ['training rows', 'format', 'tasks', '--data.loss_on']
    """
    state = hashlib.blake2b(digest_size=16)
    for array, kind in ((encoded.ids, "<i4"), (encoded.offsets, "<i8"), (encoded.prompt_lengths, "<i8")):
        for block in blocks_of(array):
            state.update(block.astype(kind).tobytes())
    definitions = [_define(task, form.uses_condition) for task in tasks]
    return {
        "training rows": state.hexdigest(),
        "format": hash_json(asdict(form)),
        "tasks": hash_json(definitions),
        **settings,
    }


def _define(task: Task, shows_condition: bool) -> dict[str, Any]:
    """Return a task's keys; what earlier versions did not know is left out where it has no effect."""
    content = {key: value for key, value in asdict(task).items() if key != "description"}
    # Which condition is asked for matters to evaluation only.
    content["condition"] = task.condition.column if shows_condition and task.condition else None
    for key in LATER:
        if not content[key]:
            del content[key]
    for side in ("input", "output"):
        for key in ("digits", "unit", "separator", "template", "mask"):
            if not content[side][key] and content[side][key] != 0:
                del content[side][key]
    return content


def hash_json(value: Any) -> str:
    """Return the hash of plain values."""
    text = json.dumps(value, sort_keys=True, ensure_ascii=False, default=str)
    return hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=16).hexdigest()


def find_changed(saved: Contents, now: Contents) -> list[str]:
    """Return the names of what differs; what a checkpoint of an earlier version does not say counts as equal.

    Examples:
        >>> find_changed({"training rows": "a", "format": "x"}, {"training rows": "b", "format": "x", "tasks": "t"})
        ['training rows']
    """
    return [name for name in now if saved.get(name, now[name]) != now[name]]
