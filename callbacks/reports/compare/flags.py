"""Which flags of runs differ: pure functions of their configurations."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from callbacks.loggers.secrets import hide_secrets
from configs.lookup import load_yaml

OF_THE_RUN = ("name", "ckpt_path", "weights_only", "trainer.default_root_dir")
"""Flags that identify the run or its folder; they are not compared."""
MISSING = "(unset)"
"""The value of a flag that a run's configuration does not have."""
_SHOWN = 4
"""Most names of runs behind a value; a number stands for the others."""


def leaves(settings: Any, flag: str = "") -> Iterator[tuple[str, Any]]:
    """Yield each flag of a configuration and its value.

    Args:
        settings: Settings as in a run's config.yaml.
        flag: The flag that holds these settings; empty for a whole configuration.

    Yields:
        A flag such as `model.optimizer.lr`, and its value; a callback's flags are named by its class.

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


def find_run(path: Path) -> Path | None:
    """Return the folder of the run that a folder or a table in it belongs to; None if it has no configuration."""
    return next(
        (folder for folder in [path, *path.resolve().parents[:3]] if (folder / "config.yaml").is_file()), None
    )


def read_settings(run: Path) -> dict[str, Any]:
    """Return the configuration of the run that a folder or a table in it belongs to, without secrets; empty without one."""
    folder = find_run(run)
    settings: dict[str, Any] = {} if folder is None else hide_secrets(load_yaml(folder / "config.yaml"))
    return settings


def find_differences(settings: Sequence[Mapping[str, Any]]) -> dict[str, list[Any]]:
    """Return the flags that are not equal in all configurations, each with its values in the order of the runs.

    Names and folders of runs, and what says where W&B shows them, are left out.

    Examples:
        >>> one = {"name": "a", "data": {"format": "arrow", "shots": 0}}
        >>> find_differences([one, {"name": "b", "data": {"format": "tags", "shots": 0}}, {"name": "c"}])
        {'data.format': ['arrow', 'tags', '(unset)'], 'data.shots': [0, 0, '(unset)']}
    """
    flags = [dict(leaves(dict(one))) for one in settings]
    folders = [str(one.get("trainer.default_root_dir") or "") for one in flags]
    found = {}
    for flag in dict.fromkeys(name for one in flags for name in one):
        if flag in OF_THE_RUN or flag.startswith("wandb.") or flag.endswith((".dirpath", ".save_dir")):
            continue
        values = [one.get(flag, MISSING) for one in flags]
        # Of a path in the run's own folder only what stands behind the folder can differ.
        inside = [
            value.removeprefix(folder) if isinstance(value, str) and folder else value
            for value, folder in zip(values, folders, strict=True)
        ]
        # A group of flags is none where it is not given, and has no value of its own where it is.
        is_given = any(value not in (None, MISSING) for value in values)
        if is_given and any(value != inside[0] for value in inside[1:]):
            found[flag] = values
    return found


def describe_difference(flag: str, values: Sequence[str], names: Sequence[str]) -> str:
    """Return one line about a flag that differs: each value with the names of its runs.

    Examples:
        >>> describe_difference("data.format", ["arrow", "tags", "arrow"], ["a", "b", "c"])
        '--data.format: arrow (a, c), tags (b)'
    """
    groups: dict[str, list[str]] = {}
    for value, name in zip(values, names, strict=True):
        groups.setdefault(value, []).append(name)
    parts = []
    for value, members in groups.items():
        others = len(members) - _SHOWN
        shown = [*members[:_SHOWN], *([f"and {others} more"] if others > 0 else [])]
        parts.append(f"{value} ({', '.join(shown)})")
    return f"--{flag}: {', '.join(parts)}"
