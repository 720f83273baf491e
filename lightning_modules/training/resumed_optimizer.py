"""Restore the optimizer settings of the flags after a checkpoint has overwritten them (docs/pitfalls.md 21)."""

from __future__ import annotations

import inspect
from dataclasses import dataclass
from typing import Any

import torch
from torch.optim import Optimizer

BASE_LR = "initial_lr"
"""Key under which torch's schedulers keep their initial learning rate in each parameter group."""
_CYCLED = ("base_momentum", "max_momentum")  # keys of groups whose momentum OneCycleLR and CyclicLR change

_PROGRESS = {
    "last_epoch", "_step_count", "_is_initial", "_get_lr_called_within_step", "_last_lr", "base_lrs", "lr_lambdas", "_schedulers",
    "best", "num_bad_epochs", "cooldown_counter", "T_cur", "T_i",
}  # fmt: skip
"""Entries that change in the states of torch's schedulers; all other entries are settings."""
_MOMENTS = {"amsgrad": "max_exp_avg_sq", "centered": "grad_avg", "momentum": "momentum_buffer"}
"""Optimizer state per weight that exists only with a setting; it starts with zeros."""


def note_flags(optimizer: Optimizer) -> list[dict[str, Any]]:
    """Return the settings of each group of a new optimizer, whose scheduler, if any, must already exist.

    A scheduler may set its own initial learning rate (OneCycleLR does), so the rate is read after the scheduler is built. If
    the scheduler sets none, the group's rate is stored, so that every checkpoint records the schedule's initial rate.
    """
    flags = []
    for group in optimizer.param_groups:
        group.setdefault(BASE_LR, group["lr"])
        scheduled = ("betas", "momentum") if any(name in group for name in _CYCLED) else ()
        excluded = ("params", "lr", BASE_LR, *scheduled)
        flags.append(
            {BASE_LR: group[BASE_LR], **{name: group[name] for name in group if name not in excluded}}
        )
    return flags


def apply_flags(optimizer: Optimizer, scheduler: Any, flags: list[dict[str, Any]]) -> list[str]:
    """Replace a checkpoint's settings with those of `note_flags`; a learning rate keeps its position in the schedule.

    Args:
        optimizer: Restored from the checkpoint.
        scheduler: Its scheduler, also restored; the current learning rate is rescaled.
        flags: The value of `note_flags` for this optimizer when it was new.

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
    """Return the settings of a new scheduler, which a checkpoint would restore together with its progress.

    For classes outside torch and Lightning, only constructor arguments are known to be settings.
    """
    state = scheduler.state_dict()
    if type(scheduler).__module__.partition(".")[0] in ("torch", "lightning"):
        known = set(state)
    else:
        known = set(inspect.signature(type(scheduler)).parameters)
    return {name: state[name] for name in state if name in known - _PROGRESS}


def apply_schedule(scheduler: Any, flags: dict[str, Any]) -> list[str]:
    """Replace a checkpoint's settings with those of `note_schedule`; the schedule keeps its progress.

    Args:
        scheduler: Restored from the checkpoint.
        flags: The value of `note_schedule` for it when it was new.

    Returns:
        A description of each setting that changed, such as `gamma 0.9 (was 0.5)`; for a derived setting only its name.
    """
    changed = []
    for name, value in flags.items():
        old = getattr(scheduler, name)
        if old == value:
            continue
        setattr(scheduler, name, value)
        if name == "T_0":  # the length of the first cycle, from which all others derive
            scheduler.T_i = scheduler.T_i * value // old
        changed.append(name.lstrip("_") if name.startswith("_") else f"{name} {value} (was {old})")
        if name in ("mode", "monitor") and hasattr(scheduler, "_reset"):
            scheduler._reset()  # the best value of another metric does not apply
    return changed


@dataclass(frozen=True)
class OptimizerFlags:
    """The flags' settings of an optimizer and its scheduler, recorded when both were new."""

    groups: list[dict[str, Any]]
    schedule: dict[str, Any]

    @classmethod
    def note(cls, optimizer: Optimizer, scheduler: Any) -> OptimizerFlags:
        """Return the settings of both."""
        return cls(note_flags(optimizer), note_schedule(scheduler))

    def apply(self, optimizer: Optimizer, scheduler: Any) -> list[str]:
        """Replace a checkpoint's settings, and return a description of each changed one."""
        return apply_flags(optimizer, scheduler, self.groups) + apply_schedule(scheduler, self.schedule)
