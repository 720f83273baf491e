"""Refuse values that an optimizer does not take, before anything is made."""

from __future__ import annotations

import importlib
from typing import Any

import torch

from configs.program import spell


def check_optimizer(spec: Any) -> None:
    """Raise ValueError if an optimizer's class refuses its arguments.

    Args:
        spec: The configuration of `--model.optimizer`: its `class_path` and `init_args`. Others are not checked.
    """
    path, given = getattr(spec, "class_path", None), getattr(spec, "init_args", None)
    if not isinstance(path, str):
        return
    module, _, name = path.rpartition(".")
    arguments = {} if given is None else given.as_dict()
    if any(isinstance(value, dict) for value in arguments.values()):
        return  # objects that are not made yet
    kind = getattr(importlib.import_module(module), name)
    try:
        kind([torch.nn.Parameter(torch.zeros(2, 2))], **arguments)
    except ValueError as error:
        text = " ".join(str(error).split()).rstrip(".")
        raise ValueError(
            f"--model.optimizer: {name} does not take these values: {text}. Change the flag below --model.optimizer "
            f"(`{spell('fit', '--model.optimizer.help', name)}` lists them)."
        ) from error
