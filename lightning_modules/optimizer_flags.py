"""The optimizer's settings as the flags say them, put back after a checkpoint has brought its own (PITFALLS 21)."""

from __future__ import annotations

from typing import Any

from torch.optim import Optimizer

BASE_LR = "initial_lr"
"""Where torch's schedulers keep the learning rate that they begin with, in each group of parameters."""
_CYCLED = ("base_momentum", "max_momentum")  # in the groups whose momentum OneCycleLR and CyclicLR move


def note_flags(optimizer: Optimizer) -> list[dict[str, Any]]:
    """Return the settings of each group of a new optimizer; its scheduler, if any, must be there already.

    A scheduler may have a learning rate of its own to begin with (OneCycleLR has), so it is asked after it is built; where it
    kept none, the group's is written down, so that every checkpoint tells what the schedule began with.
    """
    flags = []
    for group in optimizer.param_groups:
        group.setdefault(BASE_LR, group["lr"])
        moving = ("betas", "momentum") if any(name in group for name in _CYCLED) else ()
        left_alone = ("params", "lr", BASE_LR, *moving)
        flags.append(
            {BASE_LR: group[BASE_LR], **{name: group[name] for name in group if name not in left_alone}}
        )
    return flags


def apply_flags(optimizer: Optimizer, scheduler: Any, flags: list[dict[str, Any]]) -> list[str]:
    """Put the settings of `note_flags` in place of a checkpoint's; a learning rate keeps its place in the schedule.

    Args:
        optimizer: Restored.
        scheduler: Its scheduler, restored, too; what it has made of the learning rate is scaled.
        flags: What `note_flags` returned for this optimizer when it was new.

    Returns:
        A description of each setting that changed, such as `lr 0.0005 (was 0.002)`.
    """
    changed = []
    for group, settings in zip(optimizer.param_groups, flags, strict=True):
        for name, value in settings.items():
            old = group.get(name, value)
            if old == value:
                continue
            if name == BASE_LR:
                group["lr"] = group["lr"] * (value / old) if old else value
            group[name] = value
            changed.append(f"{name.removeprefix('initial_')} {value} (was {old})")
    if hasattr(scheduler, "base_lrs"):
        scheduler.base_lrs = [group[BASE_LR] for group in optimizer.param_groups]
    return list(dict.fromkeys(changed))
