"""Refuse unknown flags, values of another type, and unknown keys of configuration files, before PyTorch is loaded."""

from __future__ import annotations

import difflib
import json
import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from cli.checks.flag_list import Flag, FlagList
from cli.checks.flag_words import Word
from cli.exit_status import UsageError
from cli.trainer.support import FLAGS as OF_KINDS
from cli.trainer.support import refuse_feature
from configs.lookup import suggest

SHORT = {"c": "config", "h": "help"}
ALIASES = {
    "accelerate": "trainer.accelerator", "batch": "data.batch_size", "checkpoint_path": "ckpt_path",
    "dataset": "data.source", "epochs": "trainer.max_epochs", "fp16": "trainer.precision", "gpus": "trainer.devices",
    "input": "data.input_column", "learning_rate": "model.optimizer.lr", "lora_r": "model.peft.rank",
    "lora_rank": "model.peft.rank", "max_new_tokens": "model.generation.max_new_tokens",
    "model_name_or_path": "model.base", "num_epochs": "trainer.max_epochs", "num_train_epochs": "trainer.max_epochs",
    "output": "data.output_column", "output_dir": "name", "per_device_train_batch_size": "data.batch_size",
    "resume": "ckpt_path", "resume_from_checkpoint": "ckpt_path", "seed": "seed_everything", "train_file": "data.source",
}  # fmt: skip
"""What other programs call flags."""
DEFAULT_CLASSES = {"model.optimizer": "torch.optim.AdamW"}
"""Classes of configs/default.yaml that flags without a class mean."""
OURS = ("callbacks.", "lightning_modules.")
"""Where this program's own classes are, whose arguments no other package's version changes."""
_SPEC_KEYS = ("class_path", "init_args", "dict_kwargs")
_TYPES = {"int": "a whole number", "float": "a number", "bool": "true or false"}
_PLAIN = {
    "int": re.compile(r"[+-]?\d+"),
    "float": re.compile(r"[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?", re.IGNORECASE),
    "bool": re.compile("true|false", re.IGNORECASE),
    "null": re.compile("null|~|", re.IGNORECASE),
}
_CONSTRUCTORS: dict[str, type] = {"int": int, "float": float, "bool": bool}


def check_words(command: str, words: Sequence[Word], listed: FlagList, configured: Mapping[str, Any]) -> None:
    """Raise UsageError for the first flag that is unknown or whose value is of another type.

    Args:
        command: The subcommand.
        words: Its flags.
        listed: All flags.
        configured: Settings of configuration files by flag, which may name the classes that flags below them belong to.
    """
    flags = listed.flags[command]
    chosen: dict[str, list[str]] = {}
    for word in words:
        name = SHORT.get(word.flag, word.flag)
        flag = flags.get(name)
        if flag is None:
            above = find_above(name, flags)
            if above is None:
                _refuse_unknown(word, flags, listed)
            elif name == f"{above}.class_path":
                chosen.setdefault(above, []).append(word.value or "")
            else:
                _check_below(word, above, flags, listed, _find_classes(above, flags, chosen, configured))
            continue
        if flag.classes and word.value is not None:
            chosen.setdefault(name, []).append(word.value)
            _refuse_class(name, word.value, flag, listed)
        if word.value is not None and not word.adds and not _is_specification(word.value):
            refuse_value(f"--{name}", word.value, flag)


def _refuse_unknown(word: Word, flags: Mapping[str, Flag], listed: FlagList) -> None:
    owner = word.flag.split(".")[0]
    nearest = find_nearest(word.flag, flags, listed)
    if owner == "trainer" and "." in word.flag and not listed.is_current():
        return  # another Lightning may have more flags; the parser knows them
    hint = f" Did you mean --{nearest}?" if nearest else ""
    raise UsageError(f"No flag is called {word.typed}.{hint}")


def find_above(name: str, flags: Mapping[str, Flag]) -> str | None:
    """Return the flag whose value's own arguments a name belongs to, such as `trainer.callbacks` of `trainer.callbacks.mode`.

    Flags below a value that only the parser understands count as such, and so does `.help`.
    """
    parts = name.split(".")
    for end in range(len(parts) - 1, 0, -1):
        above = ".".join(parts[:end])
        if above in flags:
            grouped = any(other.startswith(f"{above}.") for other in flags)
            return above if not grouped and ("other" in flags[above].types or flags[above].classes) else None
    return None


def _find_classes(
    above: str, flags: Mapping[str, Flag], chosen: Mapping[str, list[str]], configured: Mapping[str, Any]
) -> list[str] | None:
    """Return the classes that flags below a flag may belong to; None if that cannot be told."""
    given: list[Any] = chosen.get(above, [])
    if not given and (value := configured.get(above)) is not None:
        given = value if isinstance(value, list) else [value]
    if not given:
        default = DEFAULT_CLASSES.get(above)
        return [default] if default else list(flags[above].classes)
    paths = [find_class(value, flags[above].classes) for value in given]
    return None if None in paths else [path for path in paths if path is not None]


def find_class(value: Any, classes: Sequence[str]) -> str | None:
    """Return the import path of the class that a value names, or None.

    Examples:
        >>> find_class("AdamW", ["torch.optim.Adam", "torch.optim.AdamW"])
        'torch.optim.AdamW'
    """
    if isinstance(value, str) and value.lstrip().startswith("{"):
        try:
            value = json.loads(value)
        except ValueError:
            return None
    name = value.get("class_path") if isinstance(value, Mapping) else value
    if not isinstance(name, str):
        return classes[0] if len(classes) == 1 else None
    fitting = [path for path in classes if name in (path, path.rpartition(".")[2])]
    # The same class can be known by the module that defines it.
    last = [path for path in classes if path.rpartition(".")[2] == name.rpartition(".")[2]]
    return next(iter(fitting or last), None)


def _check_below(
    word: Word, above: str, flags: Mapping[str, Flag], listed: FlagList, classes: list[str] | None
) -> None:
    """Raise UsageError if no class that a flag takes has an argument of this name."""
    parts = word.flag.removeprefix(f"{above}.").split(".")
    key = parts[1] if parts[0] == "init_args" and len(parts) > 1 else parts[0]
    if classes is None or not flags[above].classes or key in (*_SPEC_KEYS, "help"):
        return
    ours = all(path.startswith(OURS) for path in classes)
    if any(path not in listed.arguments for path in classes) or not (ours or listed.is_current()):
        return
    names = sorted({name for path in classes for name in listed.arguments[path]})
    if key not in names:
        close = _closest(key, names)
        known = f"It has {', '.join(names)}." if len(names) < 40 else ""
        hint = f"Did you mean --{above}.{close}?" if close else known
        owner = classes[0].rpartition(".")[2] if len(classes) == 1 else f"No class for --{above}"
        has = "has no" if len(classes) == 1 else "has an"
        raise UsageError(f"No flag is called {word.typed}: {owner} {has} argument {key!r}. {hint}".rstrip())


def refuse_value(name: str, value: str, flag: Flag) -> None:
    """Raise UsageError if a flag's value is of none of its types.

    Args:
        name: The flag for the message, or a key and its file.
        value: The value as text.
        flag: Its types and choices.
    """
    if "other" in flag.types or "str" in flag.types or value in flag.choices:
        return
    if any(_is_of_type(value, kind) for kind in flag.types):
        return
    kinds = [_TYPES[kind] for kind in flag.types if kind in _TYPES]
    if kinds == ["a whole number", "a number"]:
        kinds = ["a number"]
    options = [*kinds, *flag.choices, *(["null"] if "null" in flag.types else [])]
    expected = " or ".join([*([", ".join(options[:-1])] if options[1:] else []), options[-1]])
    raise UsageError(
        f"Expected {name} to be {expected}, but got {value!r}.{suggest(value, list(flag.choices))}"
    )


def _is_of_type(value: str, kind: str) -> bool:
    if _PLAIN[kind].fullmatch(value):
        return True
    if kind == "null":
        return False
    from jsonargparse import ArgumentError, ArgumentParser  # a tenth of a second, only for unusual spellings

    parser = ArgumentParser(exit_on_error=False)
    parser.add_argument("--it", type=_CONSTRUCTORS[kind])
    try:
        parser.parse_args([f"--it={value}"])
    except ArgumentError:
        return False
    return True


def _refuse_class(name: str, value: str, flag: Flag, listed: FlagList) -> None:
    """Raise UsageError if a value is nearly the name of a class; names that are further off may be of other packages."""
    if not value.isidentifier() or "str" in flag.types or value.lower() in ("null", "true", "false"):
        return
    if find_class(value, flag.classes) is not None or not listed.is_current():
        return
    kind = next((kind for kind, flag_of_kind in OF_KINDS.items() if flag_of_kind == f"--{name}"), None)
    if kind is not None and (refused := refuse_feature(kind, value)):
        raise UsageError(refused)
    arguments = listed.arguments.get(flag.classes[0], ())
    if len(flag.classes) == 1 and arguments:
        raise UsageError(
            f"Expected flags below --{name}, such as --{name}.{arguments[0]}, or null, but got {value!r}. "
            f"It has {', '.join(arguments)}."
        )
    short = [path.rpartition(".")[2] for path in flag.classes]
    if close := _closest(value, short, 0.8):
        raise UsageError(f"No class for --{name} is called {value!r}. Did you mean {close!r}?")


def _is_specification(value: str) -> bool:
    return value.lstrip().startswith(("{", "["))


def find_nearest(name: str, flags: Mapping[str, Flag], listed: FlagList) -> str | None:
    """Return the flag that a mistyped one most likely means, or None.

    Examples:
        >>> number = Flag(("int",))
        >>> find_nearest("batchsize", {"data.batch_size": number, "data.eval_batch_size": number}, FlagList({}, {}))
        'data.batch_size'
    """
    known = [*(flag for flag in flags if flag not in ("help", "print_config")), *_below(flags, listed)]
    alias = ALIASES.get(name.replace("-", "_").rpartition(".")[2])
    if alias in known and "." not in name:
        return alias
    same = [flag for flag in known if _fold(flag) == _fold(name)]
    last = [flag for flag in known if _fold(flag.rpartition(".")[2]) == _fold(name.rpartition(".")[2])]
    begun = [flag for flag in known if len(name) > 2 and flag.startswith(name.replace("-", "_"))]
    if len(begun) == 1:
        return begun[0]
    if same or last:
        return max(same or last, key=lambda flag: difflib.SequenceMatcher(None, flag, name).ratio())
    if close := difflib.get_close_matches(name, known, n=1, cutoff=0.75):
        return close[0]
    lasts = {flag.rpartition(".")[2]: flag for flag in reversed(known)}
    close = difflib.get_close_matches(name.rpartition(".")[2], lasts, n=1, cutoff=0.75)
    return lasts[close[0]] if close else alias if alias in known else None


def _below(flags: Mapping[str, Flag], listed: FlagList) -> Iterable[str]:
    """Yield the flags below those whose class is plain."""
    for name, flag in flags.items():
        path = flag.classes[0] if len(flag.classes) == 1 else DEFAULT_CLASSES.get(name)
        yield from (f"{name}.{argument}" for argument in listed.arguments.get(path or "", ()))


def _closest(name: str, names: Sequence[str], cutoff: float = 0.6) -> str | None:
    folded = {_fold(one): one for one in names}
    close = difflib.get_close_matches(_fold(name), folded, n=1, cutoff=cutoff)
    return folded[close[0]] if close else None


def _fold(name: str) -> str:
    return re.sub(r"[\W_]", "", name).casefold()
