"""Write the saved list of flags from the live parsers; `cli.write_help_pages` calls it."""

from __future__ import annotations

import inspect
import json
from collections.abc import Iterable, Mapping
from dataclasses import MISSING, fields, is_dataclass
from importlib import import_module
from pathlib import Path
from types import NoneType, UnionType
from typing import Any, Literal, Union, get_args, get_origin

from jsonargparse import ArgumentParser
from jsonargparse._actions import _ActionConfigLoad
from jsonargparse._typehints import (
    ActionTypeHint,
    get_all_subclass_paths,
    get_callable_return_type,
    is_callable_type,
)

from cli.checks.flag_list import installed_versions
from configs.lookup import CONFIGS, load_yaml

_PLAIN = {int: "int", float: "float", bool: "bool", str: "str", NoneType: "null", Path: "str"}


def describe_flags(parsers: Mapping[str, ArgumentParser]) -> dict[str, Any]:
    """Return the flags of each subcommand's parser, as the saved list has them."""
    flags: dict[str, Any] = {}
    subcommands: dict[str, list[str]] = {}
    classes: dict[str, list[str] | None] = {}
    required: dict[str, list[str]] = {}
    for command, parser in parsers.items():
        subcommands[command] = []
        for action in parser._actions:
            if not any(option.startswith("--") for option in action.option_strings):
                continue  # what links set
            described = _describe(action)
            for path in described.get("classes", ()):
                if path not in classes:
                    classes[path] = _list_arguments(path)
                    if needed := _list_required(path):
                        required[path] = needed
            for option in action.option_strings:
                if option.startswith("--") and not option.endswith((".help", "+")):
                    name = option.removeprefix("--")
                    flags[name] = described
                    subcommands[command].append(name)
    return {
        "versions": installed_versions(), "subcommands": subcommands, "flags": flags, "classes": classes,
        "required": required, "metrics": {"": list_last_names(load_yaml(CONFIGS / "default.yaml"))},
    }  # fmt: skip


def list_last_names(defaults: Mapping[str, Any]) -> list[str]:
    """Return the last parts of the names of all metrics that the default callbacks log, such as `exact_match`."""
    from cli.trainer.monitor_check import list_metrics  # loads Transformers

    callbacks = [
        _find(one["class_path"])(**one.get("init_args", {})) for one in defaults["trainer"]["callbacks"]
    ]
    return sorted({name.rpartition("/")[2] for name in list_metrics(callbacks, ["task"])})


def _find(path: str) -> Any:
    module, _, name = path.rpartition(".")
    return getattr(import_module(module), name, None)


def write_flags(parsers: Mapping[str, ArgumentParser], path: Path) -> None:
    """Write the saved list: one line a flag and a class, so that changes can be read."""
    content = describe_flags(parsers)
    parts = []
    for name, value in content.items():
        keys = list(value) if name == "subcommands" else sorted(value)
        lines = [f"    {json.dumps(key)}: {json.dumps(value[key])}" for key in keys]
        parts.append(f"  {json.dumps(name)}: {{\n" + ",\n".join(lines) + "\n  }")
    path.write_text("{\n" + ",\n".join(parts) + "\n}\n", encoding="utf-8")


def _describe(action: Any) -> dict[str, list[str]]:
    """Return a flag's types, choices and classes; those of a group are its members' matter."""
    if isinstance(action, _ActionConfigLoad) or not isinstance(action, ActionTypeHint):
        return {"types": ["other"]}
    types: dict[str, None] = {}
    choices: dict[str, None] = {}
    classes: dict[str, None] = {}
    for hint in _atoms(action._typehint):
        if get_origin(hint) is Literal:
            choices.update(dict.fromkeys(map(str, get_args(hint))))
            continue
        types[_PLAIN.get(hint, "other")] = None
        classes.update(dict.fromkeys(_list_classes(hint)))
    found = {"types": list(types), "choices": list(choices), "classes": list(classes)}
    return {name: values for name, values in found.items() if values}


def _atoms(hint: Any) -> Iterable[Any]:
    """Yield the members of a union, of unions in it, and what lists in it hold if these are classes."""
    origin, members = get_origin(hint), get_args(hint)
    is_union = origin in (Union, UnionType)  # of which one member may be callable
    if is_union or (origin is not None and origin is not Literal and not is_callable_type(hint)):
        if origin in (list, dict, tuple) or "abc" in getattr(origin, "__module__", ""):
            yield origin
            members = tuple(member for member in members if member not in _PLAIN)
        for member in members:
            yield from _atoms(member)
    else:
        yield hint


def _list_classes(hint: Any) -> list[str]:
    """Return the import paths of the classes that a type takes."""
    if is_callable_type(hint):
        returned = get_callable_return_type(hint)
        return [] if returned is None else [path for one in _atoms(returned) for path in _list_classes(one)]
    if not isinstance(hint, type) or hint in _PLAIN or hint.__module__ in ("builtins", "datetime"):
        return []
    if is_dataclass(hint):
        return [f"{hint.__module__}.{hint.__qualname__}"]
    return list(get_all_subclass_paths(hint))


def _list_arguments(path: str) -> list[str] | None:
    """Return the names of a class's arguments, as flags below the flag that takes it; None if flags cannot set them."""
    kind = _find(path)
    if kind is None:  # Lightning makes a class of its own of each optimizer that runs, in no module
        return None
    if is_dataclass(kind):
        return [item.name for item in fields(kind) if item.init and item.default is not MISSING]
    parser = ArgumentParser()
    try:
        parser.add_class_arguments(kind, "it", fail_untyped=False)
    except ValueError:  # no flag can set its arguments
        return None
    return sorted({action.dest.split(".")[1] for action in parser._actions if action.dest.startswith("it.")})


def _list_required(path: str) -> list[str]:
    """Return the arguments without which a class cannot be made, but for those that the program passes by position."""
    kind = _find(path)
    if kind is None or is_dataclass(kind):
        return []
    parser = ArgumentParser()
    try:
        parser.add_class_arguments(kind, "it", fail_untyped=False)
    except ValueError:
        return []
    first = next(
        iter(inspect.signature(kind).parameters), ""
    )  # an optimizer's weights, a scheduler's optimizer
    by_program = {"params", "optimizer"} & {first}
    needed = {action.dest.removeprefix("it.") for action in parser._actions if action.required}
    return sorted(needed - by_program)
