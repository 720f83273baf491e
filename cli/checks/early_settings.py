"""The settings that a command line most likely has, for checks before the parser is loaded; the parser decides in the end."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import yaml

from cli.checks.checkpoint_path import KEYWORDS, find_checkpoint
from cli.checks.config_check import check_keys, flatten, is_group, read_config
from cli.checks.flag_check import SHORT, find_above
from cli.checks.flag_list import Flag, FlagList
from cli.checks.flag_words import Word
from cli.given import PATH_FLAGS, asks_flagship, read_flagship, read_given
from configs.lookup import CONFIGS, load_yaml
from configs.yaml_text import read_yaml

_EMPTY = ("null", "Null", "NULL", "~", "")
_TRUTH = {"true": True, "false": False}


class Settings(NamedTuple):
    """The settings by flag."""

    values: dict[str, Any]
    configured: dict[str, Any]
    """Those of configuration files alone."""
    complete: bool
    """Whether these are all that matter together: those of a checkpoint that a keyword or a file means may be missing."""
    certain: bool
    """Whether the data's are what the parser will find, so that its tables can be looked at."""


def gather(command: str, words: Sequence[Word], listed: FlagList) -> Settings:
    """Return the settings of the default configuration, a checkpoint's run, configuration files and flags, in this order.

    Raises:
        UsageError: If a configuration file cannot be read or holds an unknown key.
        ValueError: If a folder in place of a checkpoint holds none.
    """
    flags = listed.flags[command]
    for word in words:  # first, since whether the flagship is meant may stand in a file
        if SHORT.get(word.flag, word.flag) == "config" and word.value is not None:
            read_config(word.value)
    configured, complete, certain = _begin(command, words, flags)
    values = dict(configured)
    for word in words:
        name = SHORT.get(word.flag, word.flag)
        if word.value is None:
            continue
        if name == "config" or (is_group(name, flags) and word.value not in _EMPTY):
            found = _read_group(name, word.value, command, listed)
            configured.update(found)
            values.update(found)
        elif name == "name":
            values[name] = word.value
        elif name in flags and not word.adds and (read := _read(word.value, flags[name])) is not _UNCLEAR:
            values[name] = read
        elif name not in flags and (above := find_above(name, flags)) is not None:
            _set_below(values, above, name.removeprefix(f"{above}.").removeprefix("init_args."), word.value)
        else:
            values.pop(name, None)
            certain = certain and not name.startswith("data")
    if isinstance(checkpoint := values.get("ckpt_path"), str) and checkpoint:
        values["ckpt_path"] = find_checkpoint(checkpoint, command == "fit")
        typed = any(word.flag == "ckpt_path" for word in words)
        complete, certain = complete and typed, certain and typed
    return Settings(values, configured, complete, certain)


def _begin(
    command: str, words: Sequence[Word], flags: Mapping[str, Flag]
) -> tuple[dict[str, Any], bool, bool]:
    """Return the defaults or those of the checkpoint's run, and whether these are complete and certain."""
    settings = dict(flatten(load_yaml(CONFIGS / "default.yaml"), flags))
    given = [word.value for word in words if word.flag == "ckpt_path" and word.value not in (None, *_EMPTY)]
    if given:
        path = find_checkpoint(str(given[-1]), command == "fit")
        run = Path(path).expanduser().resolve().parent.parent / "config.yaml"
        if run.is_file():
            settings.update(flatten(load_yaml(run), flags))
            for name in (*PATH_FLAGS, "data.task"):  # what a run's relative paths mean is decided later
                settings.pop(name, None)
        return settings, path not in KEYWORDS, path not in KEYWORDS and not run.is_file()
    spelled = [command, *(f"--{word.flag}={word.value}" for word in words)]
    if asks_flagship(read_given(spelled, [command])):
        settings.update(flatten(read_flagship(command), flags))
    return settings, True, True


def _read_group(name: str, given: str, command: str, listed: FlagList) -> dict[str, Any]:
    """Return the settings of a configuration file, or of a group's own file or JSON text."""
    flags = listed.flags[command]
    file, content = read_config(given, flag=f"--{name}")
    for part in [] if name == "config" else reversed(name.split(".")):
        content = {part: content}
    found = dict(flatten(content, flags, Path(given).parent if file == given else Path()))
    check_keys(file, found, command, listed)
    return found


_UNCLEAR = object()


def _read(text: str, flag: Flag) -> Any:
    """Return a value as its type, or `_UNCLEAR` where only the parser knows."""
    if text in _EMPTY and "null" in flag.types:
        return None if "str" not in flag.types else _UNCLEAR
    if text.lstrip().startswith(("{", "[")):
        return _UNCLEAR
    for kind, read in (("int", int), ("float", float), ("bool", lambda text: _TRUTH[text.lower()])):
        if kind in flag.types:
            try:
                return read(text)
            except (ValueError, KeyError):
                continue
    return text if "str" in flag.types or flag.choices or flag.classes else _UNCLEAR


def _set_below(values: dict[str, Any], above: str, name: str, text: str) -> None:
    """Set an argument of the class that a flag has."""
    try:
        values[f"{above}.{name}"] = float("nan") if text.lower() == "nan" else read_yaml(text)
    except yaml.YAMLError:
        values[f"{above}.{name}"] = text
