"""What a run that goes on says about flags that differ from those of the run before. Pure.

No checkpoint holds flags: the run's config.yaml does, and what is on the command line wins. What a checkpoint does hold (weights,
moments, random numbers, counters) stays, and where a flag would say otherwise, the line says so.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

OF_THE_RUN = ("name", "ckpt_path", "weights_only", "trainer.default_root_dir")
"""Which run it is, and where it lies."""
KEPT = {
    "seed_everything": "the order of the data is the flag's; dropout and sampling go on with the checkpoint's random numbers",
    "model.base": "the weights are the checkpoint's",
    "model.init": "the weights are the checkpoint's",
}
"""Flags of which the checkpoint decides a part, and which part."""
CLASSES = ("model.optimizer", "model.scheduler")
"""Flags that choose a class whose state is in the checkpoint; another class cannot read it."""


def leaves(settings: Any, flag: str = "") -> Iterator[tuple[str, Any]]:
    """Yield each flag of a configuration and its value.

    Args:
        settings: As in a run's config.yaml.
        flag: Of these settings; empty for all of them.

    Yields:
        Flags such as `model.optimizer.lr`; a callback's are called after its class.

    Examples:
        >>> optimizer = {"class_path": "torch.optim.AdamW", "init_args": {"lr": 0.001}}
        >>> dict(leaves({"seed_everything": 0, "model": {"optimizer": optimizer}}))
        {'seed_everything': 0, 'model.optimizer': 'torch.optim.AdamW', 'model.optimizer.lr': 0.001}
    """
    if isinstance(settings, dict) and "class_path" in settings:
        yield flag, settings["class_path"]
        yield from leaves(settings.get("init_args") or {}, flag)
    elif isinstance(settings, dict):
        for name, value in settings.items():
            yield from leaves(value, f"{flag}.{name}" if flag else name)
    elif isinstance(settings, list) and all(isinstance(one, dict) for one in settings):
        for one in settings:
            yield from leaves(one, f"{flag}.{str(one.get('class_path')).rpartition('.')[2]}")
    else:
        yield flag, settings


def differences(before: dict[str, Any], now: dict[str, Any]) -> dict[str, tuple[Any, Any]]:
    """Return the flags whose values differ, with the value before and the one now; None for a flag that is not there.

    Examples:
        >>> differences({"name": "a", "data": {"batch_size": 16}}, {"name": "b", "data": {"batch_size": 32}})
        {'data.batch_size': (16, 32)}
    """
    old, new = dict(leaves(before)), dict(leaves(now))
    return {
        flag: (old.get(flag), new.get(flag))
        for flag in dict.fromkeys([*old, *new])
        if flag not in OF_THE_RUN and not flag.endswith(".dirpath") and old.get(flag) != new.get(flag)
    }


def say(changed: dict[str, tuple[Any, Any]]) -> str:
    """Return the line about flags that differ, or an empty one.

    Raises:
        ValueError: For another optimizer or scheduler: neither could read the state of the one before.

    Examples:
        >>> say({"data.batch_size": (16, 32)}), say({})
        ('Goes on with other flags than before: --data.batch_size 32 (was 16).', '')
        >>> say({"model.base": ("gpt2", "opt-125m")})
        "Goes on with other flags than before: --model.base opt-125m (was gpt2; the weights are the checkpoint's)."
    """
    for flag in CLASSES:
        if flag in changed:
            before, now = changed[flag]
            raise ValueError(
                f"The checkpoint holds the state of --{flag} {before}, which {now} cannot go on with. Go on with the same, or "
                "begin another run: without --ckpt_path, and with the exported model of this one as its --model.base."
            )
    parts = [
        f"--{flag} {now} (was {before}{f'; {KEPT[flag]}' if flag in KEPT else ''})"
        for flag, (before, now) in changed.items()
    ]
    return f"Goes on with other flags than before: {', '.join(parts)}." if parts else ""
