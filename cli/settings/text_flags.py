"""Flags whose values are text take the word, the YAML scalar or the variable as it is written.

jsonargparse reads each word as YAML, and so `null`, `~` and `#name` vanish, `[x]` becomes a list, and a file's `name: 1e-4`
is a number. The text flags are those of type `str`, also beside paths, None, durations, and lists and mappings of text. A word
that begins with `[` or `{` is a list or a mapping where the type allows one. Nothing (None) is an empty word.
"""

from __future__ import annotations

import collections.abc
import os
import types
from contextlib import suppress
from datetime import timedelta
from typing import Any, Union, get_args, get_origin

import yaml
from jsonargparse._actions import _ActionConfigLoad
from jsonargparse._subcommands import ActionSubCommands, find_action
from jsonargparse._typehints import ActionTypeHint
from jsonargparse._util import NestedArg

from cli.given import PATH_FLAGS
from configs.yaml_text import read_words

_LISTS = (list, tuple, collections.abc.Sequence, collections.abc.Iterable)
_MAPPINGS = (dict, collections.abc.Mapping)


def members(annotation: Any) -> tuple[Any, ...]:
    """Return the members of a union, or the type itself.

    Examples:
        >>> members(str | None), members(int)
        ((<class 'str'>, <class 'NoneType'>), (<class 'int'>,))
    """
    return get_args(annotation) if get_origin(annotation) in (Union, types.UnionType) else (annotation,)


def is_text(annotation: Any) -> bool:
    """Return whether a flag of this type takes text, and no number or class that a text could stand for.

    Examples:
        >>> is_text(str | None), is_text(list[str]), is_text(str | dict[str, float]), is_text(str | int)
        (True, True, True, False)
    """
    kinds = [_kind(member) for member in members(annotation)]
    return None not in kinds and bool({"text", "texts"} & set(kinds))


def _kind(member: Any) -> str | None:
    """Return what a member of a type is to a text flag, or None if a text flag cannot have it."""
    origin, args = get_origin(member), get_args(member)
    if member is str:
        return "text"
    if member is type(None) or member is timedelta:
        return "other"
    if isinstance(member, type) and issubclass(member, os.PathLike):
        return "path"
    if origin in _LISTS and args[:1] == (str,):
        return "texts"
    return "mapping" if origin in _MAPPINGS and args[:1] == (str,) else None


class Word(str):
    """A word on its way to an argument of a class; jsonargparse would read a plain `str` as YAML before it gets there."""


class Flag(ActionTypeHint):
    """A flag that hands words as they are to the arguments of its class (`--trainer.callbacks.monitor WORD`)."""

    def _check_type(self, value: Any, append: bool = False, cfg: Any = None, mode: Any = None) -> Any:
        """Return the value as the flag's type; TypeError if it is none."""
        if isinstance(value, Word):  # it has arrived
            value = str(value)
        elif isinstance(value, NestedArg) and isinstance(value.val, str) and self._takes_classes():
            value = NestedArg(value.key, Word(value.val))
        return super()._check_type(value, append=append, cfg=cfg, mode=mode)

    def _takes_classes(self) -> bool:
        hint = self._typehint
        return bool(
            self.is_subclass_typehint(hint, all_subtypes=False, also_lists=True)
            or self.is_return_subclass_typehint(hint)
        )


class TextFlag(Flag):
    """A flag that takes text as it is written."""

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Take a word of the command line; an empty one is nothing, where the flag can be unset."""
        if len(args) == 4 and args[2] == "" and type(None) in members(self._typehint):
            args[1].update(None, self.dest)
            return None
        return super().__call__(*args, **kwargs)

    def _check_type(self, value: Any, append: bool = False, cfg: Any = None, mode: Any = None) -> Any:
        """Return the value as text; lists, mappings and everything else that is no text go on to jsonargparse.

        Raises:
            TypeError: If the value is a number or a truth value, whose text is lost, or a text that no file can hold.
        """
        kinds = {_kind(member) for member in members(self._typehint)}
        if isinstance(value, bool | int | float) and "text" in kinds:
            raise TypeError(
                f'Parser key "{self.dest}": expected text, but YAML reads it as {value!r}: write it in quotes.'
            )
        if isinstance(value, str):
            value = str(value)
            check_text(value, self.dest)
            listed = _read_collection(value) if {"texts", "mapping"} & kinds else None
            if listed is not None:
                value = listed
            elif append:
                value = [value]
            elif "text" in kinds:
                return os.path.expanduser(value) if "path" in kinds or self.dest in PATH_FLAGS else value
        return super()._check_type(value, append=append, cfg=cfg, mode=mode)


def _read_collection(word: str) -> list[Any] | dict[str, Any] | None:
    """Return the list or mapping that a word such as `[a, b]` or `{a: 2}` is, each value as it is written; else None."""
    if word.lstrip()[:1] in ("[", "{"):
        with suppress(yaml.YAMLError):
            content = read_words(word)
            if isinstance(content, list | dict):
                return content
    return None


def check_text(text: str, flag: str) -> None:
    """Raise TypeError for a text that no file and no other program can hold: with NUL, or not Unicode."""
    unfit = next((mark for mark in text if mark == "\0" or "\ud800" <= mark <= "\udfff"), None)
    if unfit is not None:
        raise TypeError(
            f'Parser key "{flag}": expected text in UTF-8 without NUL, but got {text!a} with {unfit!a}.'
        )


def take_text(action: Any) -> Any:
    """Return an argument of a parser, which now takes text as it is written: its own, or that of its class's arguments."""
    if type(action) is ActionTypeHint:
        action.__class__ = TextFlag if is_text(action._typehint) else Flag
    return action


def restore_text(parser: Any, content: Any, words: Any, key: str = "") -> Any:
    """Return the content of a YAML file in which text flags have the text that the file holds, `1e-4` in place of 0.0001.

    A file that it names for a group of flags (`model: model.yaml`) lies beside it, or else in the working folder.

    Args:
        parser: The parser of the content.
        content: The content as `read_yaml` returns it.
        words: The same content as `read_written` returns it.
        key: The flag that the content belongs to; empty for a whole file.
    """
    action = find_action(parser, key) if key else None
    if isinstance(action, _ActionConfigLoad | ActionSubCommands):
        if isinstance(content, str) and not os.path.isfile(os.path.expanduser(content)):
            here = os.path.join(parser.folder, content)
            return here if os.path.isfile(here) else content
        action = None
    if isinstance(action, TextFlag) and content is not None:
        return words
    if action is None and isinstance(content, dict) and isinstance(words, dict):
        return {
            name: restore_text(parser, value, words[name], f"{key}.{name}" if key else name)
            if name in words
            else value
            for name, value in content.items()
            if value is not None or not _is_group(parser, f"{key}.{name}" if key else name)
        }
    return content


def _is_group(parser: Any, key: str) -> bool:
    """Return whether a key stands above flags: without lines below it, as where all are commented out, it sets nothing."""
    return isinstance(find_action(parser, key), _ActionConfigLoad)
