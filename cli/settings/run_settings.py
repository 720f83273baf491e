"""A run's own configuration, as the commands that use its checkpoints read it."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable, Collection, Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import Any

from callbacks.loggers.secrets import drop_hidden
from cli.given import PATH_FLAGS
from cli.old_class_paths import rename_class_paths
from cli.settings.paths import is_name, move_path, move_tasks
from configs.lookup import SUFFIXES, load_yaml
from configs.yaml_text import read_written, read_yaml, write_yaml


def read_run_settings(run: Path) -> dict[str, Any]:
    """Return the settings of a run's config.yaml: with current class paths, paths that hold from here, and no hidden secrets.

    Numbers and truth values are as they are written, since a run's name may be `1e-4`.

    Args:
        run: The run's folder. Its relative paths were meant from the folder that holds `runs`, or if nothing lies there any
            more (the run was moved), from the working folder.

    Raises:
        ValueError: If the file is not YAML.
    """
    settings = load_yaml(run / "config.yaml", lambda text: read_written(rename_class_paths(text)))
    origin = run.resolve().parent.parent
    if origin != Path.cwd().resolve():
        for flag in PATH_FLAGS:
            _change(settings, flag, partial(move_path, flag, origin=origin))
        _change(settings, "data.task", partial(move_tasks, origin=origin))
    kept: dict[str, Any] = drop_hidden(settings)
    return kept


def settle_paths(settings: dict[str, Any], run: Path) -> None:
    """Change the paths of settings in place so that they hold when `read_run_settings` reads them from the run's folder.

    A run that goes on from another folder was given paths from there.
    """
    origin = run.resolve().parent.parent
    if origin == Path.cwd().resolve():
        return
    for flag in PATH_FLAGS:
        _change(settings, flag, partial(move_path, flag, origin=Path.cwd()))
        _change(settings, flag, partial(_shorten, origin=origin))
    _change(settings, "data.task", partial(move_tasks, origin=Path.cwd()))


def _shorten(value: Any, origin: Path) -> Any:
    """Return a path below `origin` as a relative one, so that the run may move together with what it names."""
    below = isinstance(value, str) and os.path.isabs(value) and Path(value).is_relative_to(origin)
    return str(Path(value).relative_to(origin)) if below else value


def read_typed_settings(run: Path) -> dict[str, Any]:
    """Return the same with numbers as numbers."""
    settings: dict[str, Any] = read_yaml(write_yaml(read_run_settings(run)))
    return settings


@contextlib.contextmanager
def name_run(run: Path | None, settings: Mapping[str, Any], given: Collection[str]) -> Iterator[None]:
    """Name a run's config.yaml in an error about a path in it that leads nowhere.

    Args:
        run: The run's folder, or None without a run.
        settings: The run's settings.
        given: The flags that the command line gives itself.

    Raises:
        ValueError: In place of a ValueError about such a path.
    """
    try:
        yield
    except ValueError as error:
        for flag, value in find_missing(run, settings).items() if run is not None else ():
            if flag not in given and value in str(error):
                raise ValueError(
                    f"{run}/config.yaml: expected {flag}: {value} to be found from here or from the folder of its runs, but "
                    f"it is not: give --{flag}. {error}"
                ) from error
        raise


def find_missing(run: Path, settings: Mapping[str, Any]) -> dict[str, str]:
    """Return the flags of a run whose paths lead nowhere, and their values.

    `owner/model` of the Hub counts only if `owner` is a folder beside the folder of the runs.
    """
    missing = {}
    for flag in PATH_FLAGS:
        group, _, name = flag.partition(".")
        value = (settings.get(group) or {}).get(name) if name else None
        if not isinstance(value, str) or not value or "://" in value or is_name(flag, value):
            continue
        beginning = run.resolve().parent.parent / Path(value).parts[0]
        is_path = group == "data" or value.endswith(SUFFIXES) or value[0] in "./~" or beginning.is_dir()
        if is_path and not os.path.exists(os.path.expanduser(value)):
            missing[flag] = value
    return missing


def _change(settings: dict[str, Any], flag: str, change: Callable[[Any], Any]) -> None:
    """Change one nested setting in place, if it is there."""
    *groups, name = flag.split(".")
    for key in groups:
        inner = settings.get(key)
        if not isinstance(inner, dict):
            return
        settings = inner
    if name in settings:
        settings[name] = change(settings[name])
