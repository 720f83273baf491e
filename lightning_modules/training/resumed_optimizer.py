"""The optimizer's settings as the flags say them, put back after a checkpoint has brought its own (PITFALLS 21)."""

from __future__ import annotations

import inspect
from dataclasses import dataclass
from typing import Any

import torch
from torch.optim import Optimizer

BASE_LR = "initial_lr"
"""Where torch's schedulers keep the learning rate that they begin with, in each group of parameters."""
_CYCLED = ("base_momentum", "max_momentum")  # in the groups whose momentum OneCycleLR and CyclicLR move

_PROGRESS = {
    "last_epoch", "_step_count", "_is_initial", "_get_lr_called_within_step", "_last_lr", "base_lrs", "lr_lambdas", "_schedulers",
    "best", "num_bad_epochs", "cooldown_counter", "T_cur", "T_i",
}  # fmt: skip
"""What moves in torch's schedulers; all else in their states are settings."""
_MOMENTS = {"amsgrad": "max_exp_avg_sq", "centered": "grad_avg", "momentum": "momentum_buffer"}
"""What an optimizer keeps for each weight once a setting is on; it begins with zeros."""


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
            if value and name in _MOMENTS:
                for weight in group["params"]:
                    if state := optimizer.state[weight]:
                        state.setdefault(_MOMENTS[name], torch.zeros_like(weight))
            changed.append(f"{name.removeprefix('initial_')} {value} (was {old})")
    if hasattr(scheduler, "base_lrs"):
        scheduler.base_lrs = [group[BASE_LR] for group in optimizer.param_groups]
    return list(dict.fromkeys(changed))


def note_schedule(scheduler: Any) -> dict[str, Any]:
    """Return the settings of a new scheduler, which a checkpoint would bring back with its progress.

    Of a class that is not torch's or Lightning's, only what its constructor takes is known to be a setting.
    """
    state = scheduler.state_dict()
    if type(scheduler).__module__.partition(".")[0] in ("torch", "lightning"):
        known = set(state)
    else:
        known = set(inspect.signature(type(scheduler)).parameters)
    return {name: state[name] for name in state if name in known - _PROGRESS}


def apply_schedule(scheduler: Any, flags: dict[str, Any]) -> list[str]:
    """Put the settings of `note_schedule` in place of a checkpoint's; how far the schedule has come stays.

    Args:
        scheduler: Restored.
        flags: What `note_schedule` returned for it when it was new.

    Returns:
        A description of each setting that changed, such as `gamma 0.9 (was 0.5)`; of what is derived only the name.
    """
    changed = []
    for name, value in flags.items():
        old = getattr(scheduler, name)
        if old == value:
            continue
        setattr(scheduler, name, value)
        if name == "T_0":  # the length of the first cycle, of which all others are made
            scheduler.T_i = scheduler.T_i * value // old
        changed.append(name.lstrip("_") if name.startswith("_") else f"{name} {value} (was {old})")
        if name in ("mode", "monitor") and hasattr(scheduler, "_reset"):
            scheduler._reset()  # the best of another metric is none of this one
    return changed


@dataclass(frozen=True)
class OptimizerFlags:
    """What the flags say of an optimizer and its scheduler, noted when both were new."""

    groups: list[dict[str, Any]]
    schedule: dict[str, Any]

    @classmethod
    def note(cls, optimizer: Optimizer, scheduler: Any) -> OptimizerFlags:
        """Return the settings of both."""
        return cls(note_flags(optimizer), note_schedule(scheduler))

    def apply(self, optimizer: Optimizer, scheduler: Any) -> list[str]:
        """Put them in place of a checkpoint's, and return a description of each that changed."""
        return apply_flags(optimizer, scheduler, self.groups) + apply_schedule(scheduler, self.schedule)
