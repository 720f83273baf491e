"""The allow-list of modules whose classes a flag, a YAML file or a variable may name (docs/pitfalls.md 24).

jsonargparse imports a `class_path` before it checks the type, and importing a module runs it. A configuration may come
from a stranger (a run's folder has its own), so only the environment can extend the list, never a file.
"""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Sequence
from typing import Any

from jsonargparse import set_parsing_settings

from cli.argv import flag_value
from configs.program import program_name
from configs.yaml_text import read_yaml

VARIABLE = "PATOIS_ALLOW"
"""Further modules, separated by commas: `PATOIS_ALLOW=my_callbacks python train.py fit ...`."""

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
    "lightning.fabric.accelerators",  # it defines some of the classes above
    "lightning.fabric.loggers",
    "lightning.fabric.plugins",
    "lightning.fabric.strategies",
    "torch.optim",
)
"""Modules and packages whose classes may always be named."""

_DENIED = re.compile(r"Importing '([^']*)' is not allowed, denied by .*?to allow it\.", re.DOTALL)


def allow_imports() -> None:
    """Let jsonargparse import only from `ALLOWED` and from the modules in `PATOIS_ALLOW`.

    Raises:
        ValueError: If the variable holds anything but module names.
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
            f"Expected {VARIABLE} to be module names separated by commas, such as my_callbacks, "
            f"but got {os.environ[VARIABLE]!r}: {error}"
        ) from error


def explain_denial(message: str) -> str:
    """Return a parser's message with advice for users of this program instead of jsonargparse's own advice."""

    def advise(found: re.Match[str]) -> str:
        module = found[1].rpartition(".")[0] or found[1]
        return (
            f"{found[1]} is not in the modules on the allow-list (cli/class_allowlist.py), and importing it would run "
            f"its code. If you wrote or trust it, allow it: {VARIABLE}={module} {program_name(sys.argv[0])} ..."
        )

    return _DENIED.sub(advise, message)


def refuse_foreign_code(config: Any, args: Sequence[str]) -> None:
    """Refuse third-party code that only a configuration file enables; read only tensors and plain values from checkpoints.

    Args:
        config: A subcommand's configuration. The function sets its `weights_only`.
        args: The arguments that the user typed.

    Raises:
        ValueError: If a file but not the user sets `trust_remote_code: true`, or if anything sets `weights_only: false`.
    """
    typed = read_yaml(flag_value(args, "--model.trust_remote_code") or "false")
    if config.model.trust_remote_code and typed is not True:
        raise ValueError(
            "A configuration file sets model.trust_remote_code: true, which runs Python code shipped with the base. "
            "If you trust that code, set the flag yourself: --model.trust_remote_code true"
        )
    if config.get("weights_only") is False:
        raise ValueError(
            "Expected weights_only to be unset or true, but got false: a checkpoint of more than tensors and plain values "
            "could run any code when it is read. Remove weights_only; this program's checkpoints never need it."
        )
    if "weights_only" in config:
        config.weights_only = True  # if unset, TORCH_FORCE_NO_WEIGHTS_ONLY_LOAD in the environment would win
