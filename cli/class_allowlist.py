"""Which classes a flag, a YAML file or a variable may name: those of this list, and what the user adds (PITFALLS 24).

A `class_path` is imported before its type is checked, and importing is running. A configuration may come from a stranger
(a run's folder brings its own), so the list is opened by the environment only, never by a file.
"""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from typing import Any

import yaml
from jsonargparse import set_parsing_settings

from cli.argv import flag_value

VARIABLE = "PATOIS_ALLOW"
"""Further modules, with commas between them: `PATOIS_ALLOW=my_callbacks python train.py fit ...`."""

ALLOWED = (
    "callbacks",
    "datamodules",
    "lightning_modules",
    "lightning.pytorch.accelerators",
    "lightning.pytorch.callbacks",
    "lightning.pytorch.cli",
    "lightning.pytorch.loggers",
    "lightning.pytorch.plugins",
    "lightning.pytorch.profilers",
    "lightning.pytorch.strategies",
    "lightning.fabric.accelerators",  # where some of the classes above are defined
    "lightning.fabric.loggers",
    "lightning.fabric.plugins",
    "lightning.fabric.strategies",
    "torch.optim",
)
"""Modules and packages whose classes may always be named."""

_DENIED = re.compile(r"Importing '([^']*)' is not allowed, denied by .*?to allow it\.", re.DOTALL)


def allow_imports() -> None:
    """Let jsonargparse import from `ALLOWED` and from what `PATOIS_ALLOW` names, and from nothing else.

    Raises:
        ValueError: If the variable holds something else than names of modules.
    """
    given = [name.strip() for name in os.environ.get(VARIABLE, "").split(",") if name.strip()]
    try:
        set_parsing_settings(
            import_path_denylist=["*"],
            import_path_allowlist=[*ALLOWED, *given],
            instantiate_subclass_spec_in_any=False,
        )
    except ValueError as error:
        raise ValueError(
            f"Expected {VARIABLE} to be names of modules with commas between them, such as my_callbacks, "
            f"but got {os.environ[VARIABLE]!r}: {error}"
        ) from error


def explain_denial(message: str) -> str:
    """Return a parser's message with advice for our users in place of jsonargparse's for its own."""

    def advise(found: re.Match[str]) -> str:
        module = found[1].rpartition(".")[0] or found[1]
        return (
            f"{found[1]} is not in the modules whose classes may be named (see cli/class_allowlist.py), since importing "
            f"it would run it. If it is yours, or you trust it: {VARIABLE}={module} python train.py ..."
        )

    return _DENIED.sub(advise, message)


def refuse_foreign_code(config: Any, words: Sequence[str]) -> None:
    """Let no configuration file decide that code of others runs; checkpoints are read as tensors and plain values only.

    Args:
        config: A subcommand's configuration. Its `weights_only` is set.
        words: What the user typed.

    Raises:
        ValueError: If a file says `trust_remote_code: true` and the user does not, or anybody says `weights_only: false`.
    """
    typed = yaml.safe_load(flag_value(words, "--model.trust_remote_code") or "false")
    if config.model.trust_remote_code and typed is not True:
        raise ValueError(
            "A configuration file says model.trust_remote_code: true, which runs Python code that comes with the base. "
            "If you trust that code, say so yourself: --model.trust_remote_code true"
        )
    if config.get("weights_only") is False:
        raise ValueError(
            "Expected weights_only to be left alone, but got false: a checkpoint that is more than tensors and plain "
            "values could run any code when it is read, and those of this program never are."
        )
    if "weights_only" in config:
        config.weights_only = True  # said, or TORCH_FORCE_NO_WEIGHTS_ONLY_LOAD in the environment would win
