"""Read configuration files before the parser does: what cannot be read and keys that do not exist are told with the file."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import yaml

from cli.checks.flag_check import DEFAULT_CLASSES, find_class, find_nearest, refuse_value
from cli.checks.flag_list import Flag, FlagList
from cli.exit_status import UsageError
from configs.lookup import suggest
from configs.program import spell
from configs.yaml_text import Plain, read_written, read_yaml


def read_config(given: str, folder: Path = Path(), flag: str = "--config") -> tuple[str, dict[str, Any]]:
    """Return the name of a configuration file for messages, and its settings; text that is no path may be YAML itself.

    Args:
        given: The value of `--config`.
        folder: What a relative path is relative to.
        flag: The flag, if it is that of a group, such as `--data`.

    Raises:
        UsageError: If there is no such file, or it holds no settings.
    """
    path = folder / Path(given).expanduser()
    if "\n" in given or given.lstrip().startswith("{"):
        return flag, _parse(flag, given)
    if path.is_dir():
        files = [file.name for file in sorted(path.glob("*.y*ml"))]
        has = f" It holds {', '.join(files)}." if files else ""
        raise UsageError(f"Expected {flag} to be a YAML file, but {given} is a folder.{has}")
    if not path.is_file():
        others = [file.name for file in path.parent.glob("*.y*ml")] if path.parent.is_dir() else []
        raise UsageError(
            f"Expected {flag} to be a YAML file, but there is no file {given}.{suggest(path.name, others)}"
        )
    try:
        text = path.read_text(encoding="utf-8")
    except UnicodeDecodeError:
        raise UsageError(f"{given}: expected a YAML file in UTF-8, but it holds other bytes.") from None
    except OSError as error:
        raise UsageError(
            f"{given}: expected a YAML file, but it cannot be read: {error.strerror}."
        ) from error
    return given, _parse(given, text)


def _parse(file: str, text: str) -> dict[str, Any]:
    try:
        content = read_written(text)
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        place = f" (line {mark.line + 1}, column {mark.column + 1})" if mark else ""
        problem = getattr(error, "problem", None) or str(error).splitlines()[0]
        raise UsageError(f"{file}: expected a YAML file, but it cannot be read{place}: {problem}.") from error
    if content is None:
        return {}
    if not isinstance(content, dict):
        raise UsageError(
            f"{file}: expected settings (lines such as `data: {{batch_size: 16}}`), but got {_name(content)}."
        )
    for key in content:
        group, dot, _ = str(key).partition(".")
        if dot and group in ("checkpoint", "data", "model", "trainer", "wandb"):
            raise UsageError(
                f"{file}: expected nested settings, but the key {key!r} has dots: write `{group}:` and the rest below it."
            )
    return content


def _name(content: Any) -> str:
    return "a list" if isinstance(content, list) else "a text" if isinstance(content, str) else repr(content)


def is_group(name: str, flags: Mapping[str, Flag]) -> bool:
    """Return whether a name stands above flags, such as `data`."""
    return any(flag.startswith(f"{name}.") for flag in flags)


def flatten(
    content: Mapping[str, Any], flags: Mapping[str, Flag], folder: Path = Path(), above: str = ""
) -> Iterator[tuple[str, Any]]:
    """Yield the settings of nested mappings by flag; a group may be the path of a file of its own.

    Keys that are no flags are yielded with their whole path. The value of a flag is not looked into.
    """
    for key, value in content.items():
        name = f"{above}.{key}" if above else str(key)
        group = is_group(name, flags)
        if group and isinstance(value, str):
            found = next((at for at in (Path(value), folder / value) if at.is_file()), None)
            if found is None:
                yield name, value
            else:
                yield from flatten(read_config(str(found))[1], flags, found.parent, name)
        elif group and isinstance(value, Mapping):
            yield from flatten(value, flags, folder, name)
        else:
            yield name, _as_type(value, flags.get(name))


def _as_type(value: Any, flag: Flag | None) -> Any:
    """Return a value of a file as its flag's type: a text flag takes it as it is written, as the parser does."""
    kinds = set() if flag is None else set(flag.types)
    if isinstance(value, Plain) and "str" in kinds and not kinds & {"int", "float", "bool"}:
        return str(value)
    return _as_numbers(value)


def _as_numbers(value: Any) -> Any:
    """Return a value with what is written like a number or a truth value as one."""
    if isinstance(value, Plain):
        return read_yaml(value)
    if isinstance(value, Mapping):
        return {key: _as_numbers(one) for key, one in value.items()}
    return [_as_numbers(one) for one in value] if isinstance(value, list) else value


def check_keys(file: str, settings: Mapping[str, Any], command: str, listed: FlagList) -> None:
    """Raise UsageError for the first key of a configuration file that is no flag, or whose value is of another type.

    Args:
        file: The name of the file.
        settings: Its settings by flag.
        command: The subcommand.
        listed: All flags.
    """
    flags = listed.flags[command]
    for name, value in settings.items():
        flag = flags.get(name)
        if is_group(name, flags) and not (flag and flag.classes) and value is not None:
            example = next(key for key in flags if key.startswith(f"{name}.")).removeprefix(f"{name}.")
            raise UsageError(
                f"{file}: expected {name!r} to be a mapping of settings ({{{example}: ...}}) or the path of a YAML file, but got "
                f"{value!r}."
            )
        if flag is None:
            _refuse_unknown(file, name, command, listed)
        elif flag.classes:
            for one in value if isinstance(value, list) else [value]:
                _check_arguments(file, name, one, flag, listed)
        elif isinstance(value, str | int | float):
            refuse_value(f"{name} in {file}", str(value), flag)
        elif value is None and not {"null", "other"} & set(flag.types) and "." in name:
            raise UsageError(
                f"Expected {name} in {file} to have a value, but it is empty: write one or remove the line."
            )


def _refuse_unknown(file: str, name: str, command: str, listed: FlagList) -> None:
    flags = listed.flags[command]
    if name in ("data.seed", "data.tokenizer", "subcommand") or (
        name.startswith("trainer.") and not listed.is_current()
    ):
        return
    if any(name in others for others in listed.flags.values()):
        return  # a flag of another subcommand in a file that several share: the parser decides
    groups = sorted({flag.split(".")[0] for flag in flags if "." in flag})
    owner, _, rest = name.partition(".")
    if not rest or owner not in groups:
        hint = suggest(owner, [*groups, *(flag for flag in flags if "." not in flag)])
        raise UsageError(f"{file}: unknown key {owner!r} (known: {', '.join(groups)}, name, ...).{hint}")
    nearest = find_nearest(name, flags, listed)
    hint = f" Did you mean {nearest}?" if nearest else f" `{spell(command, '--help')}` lists all."
    raise UsageError(f"{file}: unknown key {name!r}.{hint}")


def _check_arguments(file: str, name: str, value: Any, flag: Flag, listed: FlagList) -> None:
    """Raise UsageError if a class in a file has an argument that it does not know."""
    if not isinstance(value, Mapping):
        return
    path = find_class(value, flag.classes)
    if "class_path" in value:
        given = value.get("init_args")
    elif path is None and name in DEFAULT_CLASSES:
        return
    else:
        given = value
    if path not in listed.arguments or not isinstance(given, Mapping) or not listed.is_current():
        return
    known = listed.arguments[path]
    for key in given:
        if key not in known and key not in ("class_path", "init_args", "dict_kwargs"):
            raise UsageError(
                f"{file}: {name}: {path.rpartition('.')[2]} has no argument {key!r} (known: {', '.join(known)})."
                f"{suggest(str(key), list(known))}"
            )
