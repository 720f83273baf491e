"""Build the optimizer and its scheduler on two tiny weights, so that wrong settings end a run before it begins."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any

import torch
from torch.optim import SparseAdam

from lightning_modules.training.parameter_groups import group_parameters


class _Weights(torch.nn.Module):
    """A matrix and a vector: one parameter of each group."""

    def __init__(self) -> None:
        super().__init__()
        self.matrix = torch.nn.Parameter(torch.zeros(2, 2, dtype=torch.float32))
        self.vector = torch.nn.Parameter(torch.zeros(2, dtype=torch.float32))


def try_optimizer(
    optimizer: Callable[[Any], torch.optim.Optimizer], scheduler: Callable[[Any], Any] | None
) -> None:
    """Build an optimizer for the two groups that the model has, and its scheduler.

    Raises:
        ValueError: If either cannot be built, or cannot train the model.
    """
    try:
        built = optimizer(group_parameters(_Weights()))
    except Exception as error:  # each class checks its settings in its own way
        raise ValueError(_explain("optimizer", error)) from error
    if isinstance(built, SparseAdam):
        raise ValueError(
            "--model.optimizer SparseAdam takes sparse gradients only. Use --model.optimizer AdamW"
        )
    if scheduler is None:
        return
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            scheduler(built)
    except Exception as error:
        raise ValueError(_explain("scheduler", error)) from error


def _explain(flag: str, error: Exception) -> str:
    reason = " ".join(str(error).split()).rstrip(".")
    advice = (
        " Use --model.optimizer AdamW, or another class that takes groups of parameters and matrices with vectors."
        if flag == "optimizer" and any(word in reason for word in ("parameter groups", "2D", "per-parameter"))
        else f" See the flags below --model.{flag}."
    )
    return f"--model.{flag}: {reason}.{advice}"
