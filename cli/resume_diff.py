"""Compare the flags of a resumed run with those it was saved with. Pure functions.

Checkpoints hold no flags: the run's config.yaml does, and the command line overrides it. A checkpoint's weights, moments,
random numbers and counters stay; where a changed flag cannot affect them, the message says so.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from callbacks.reports.compare.flags import OF_THE_RUN, leaves

KEPT = {
    "seed_everything": "it sets the order of the data; dropout and sampling continue the checkpoint's random numbers",
    "model.base": "the weights come from the checkpoint",
    "model.init": "the weights come from the checkpoint",
}
"""Flags that the checkpoint partly overrides, and how."""
CLASSES = ("model.optimizer", "model.scheduler")
"""Flags that select a class whose state the checkpoint holds; another class cannot read that state."""


def differences(
    before: dict[str, Any], now: dict[str, Any], instead: Mapping[str, Any] = MappingProxyType({})
) -> dict[str, tuple[Any, Any]]:
    """Return the flags whose values differ, each with its old and new value; a missing flag has the value None.

    Args:
        before: The old settings.
        now: The new settings.
        instead: Flags with their old values, in place of those in `before`.

    Examples:
        >>> differences({"name": "a", "data": {"batch_size": 16}}, {"name": "b", "data": {"batch_size": 32}})
        {'data.batch_size': (16, 32)}
    """
    old, new = dict(leaves(before)) | dict(instead), dict(leaves(now))
    return {
        flag: (old.get(flag), new.get(flag))
        for flag in dict.fromkeys([*old, *new])
        if flag not in OF_THE_RUN and not flag.endswith(".dirpath") and old.get(flag) != new.get(flag)
    }


def say_other_data(changed: Mapping[str, tuple[Any, Any]]) -> str:
    """Return one line about the data flags that differ from those of an evaluated run; empty if there are none.

    Examples:
        >>> say_other_data({"data.split_seed": (0, 1), "data.predict_path": (None, "new.csv"), "model.compile": (True, False)})
        'This run was trained with other data flags: --data.split_seed 0 (now 1).'
    """
    parts = [
        f"--{flag} {before} (now {now})"
        for flag, (before, now) in changed.items()
        if flag.startswith("data.") and flag != "data.predict_path"
    ]
    return f"This run was trained with other data flags: {', '.join(parts)}." if parts else ""


def say(changed: dict[str, tuple[Any, Any]]) -> str:
    """Return one line about the changed flags, or an empty string if there are none.

    Raises:
        ValueError: If the class of the optimizer or scheduler changed; another class cannot read the checkpoint's state.

    Examples:
        >>> say({"data.batch_size": (16, 32)}), say({})
        ('Resuming with changed flags: --data.batch_size 32 (was 16).', '')
        >>> say({"model.base": ("gpt2", "opt-125m")})
        'Resuming with changed flags: --model.base opt-125m (was gpt2; the weights come from the checkpoint).'
    """
    for flag in CLASSES:
        if flag in changed:
            before, now = changed[flag]
            raise ValueError(
                f"The checkpoint holds the state of --{flag} {before}, which {now} cannot resume from. Resume with the "
                "same class, or start a new run without --ckpt_path and with this run's exported model as --model.base."
            )
    parts = [
        f"--{flag} {now} (was {before}{f'; {KEPT[flag]}' if flag in KEPT else ''})"
        for flag, (before, now) in changed.items()
    ]
    return f"Resuming with changed flags: {', '.join(parts)}." if parts else ""
