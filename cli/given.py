"""What a command line gives, by its words, its files and the environment: read before the parser exists.

Some settings decide how the rest is read: the checkpoint, whose run brings its own configuration; the base, which brings its
own learning rate and format; and the run's name. They may stand anywhere: `--model.base x`, `--model FILE`,
`--model '{"base": "x"}'`, `--config FILE` before or after the subcommand, or a file that another file names.
"""

from __future__ import annotations

import os
from collections.abc import Container, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from configs.lookup import CONFIGS, load_yaml
from configs.yaml_text import read_written

NESTED = (
    "trainer",
    "model",
    "model.optimizer",
    "model.optimizer.init_args",
    "model.generation",
    "data",
    "wandb",
    "checkpoint",
)
"""Flags whose value may be a file or a mapping with further settings."""
READ_AHEAD = (
    *("config", "ckpt_path", "name", "model", "model.base", "model.optimizer", "data", "data.format"),
    *(f"data.{name}" for name in ("task", "source", "header", "encoding", "train_rows")),
    *(f"data.{side}_{what}" for side in ("input", "output") for what in ("column", "notation")),
)
"""Flags that are read from the environment, too, if jsonargparse reads it."""
CONFIG_FLAGS = ("--config", "-c")
PATH_FLAGS = (
    "ckpt_path",
    "data.source",
    "data.val_source",
    "data.test_source",
    "data.predict_path",
    "data.cache_dir",
    "data.format",
    "model.base",
    "model.add_tokens",
)
"""Flags of one path (or a name); `data.task` holds several, and `--config` and the like are read by jsonargparse."""
MOST_READINGS = 8
"""A file that names itself is not read more often; the parser then says what is wrong."""


@dataclass
class Given:
    """What a command line gives."""

    subcommand: str | None = None
    """The subcommand, or None if there is none."""
    place: int = 0
    """The subcommand's place among the arguments."""
    settings: dict[str, Any] = field(default_factory=dict)
    """Nested settings; a later one has replaced an earlier one."""
    files: list[Path] = field(default_factory=list)
    """The configuration files that were read."""

    def get(self, flag: str) -> Any:
        """Return the value of a flag such as `model.base`, or None if nothing gives one."""
        value: Any = self.settings
        for part in flag.split("."):
            value = value.get(part) if isinstance(value, Mapping) else None
        return value

    def gives_rate(self) -> bool:
        """Return whether a learning rate is given."""
        return any(self.get(f"model.optimizer{part}.lr") is not None for part in ("", ".init_args"))


def read_given(words: Sequence[str], subcommands: Container[str]) -> Given:
    """Return what a command line gives.

    Args:
        words: Arguments of the command line.
        subcommands: All subcommands.

    Raises:
        ValueError: If a configuration file is not YAML.

    Examples:
        >>> given = read_given(["fit", "--model.base", "gpt2", '--model={"optimizer": {"lr": 0.1}}'], ["fit"])
        >>> given.subcommand, given.get("model.base"), given.gives_rate()
        ('fit', 'gpt2', True)
    """
    place = _find_subcommand(words, subcommands)
    if place is None:
        return Given()
    given = Given(words[place], place)
    for _, value in (pair for pair in _pairs(words[:place]) if pair[0] in CONFIG_FLAGS):
        content, folder = _read(value, Path(), given.files)
        if isinstance(own := (content or {}).get(words[place]), dict):
            _put(given, "", own, folder)
    for flag, value in _environment(words[place]):
        _put(given, flag, value, Path())
    for flag, value in _pairs(words[place + 1 :]):
        if flag in CONFIG_FLAGS:
            _put(given, "config", value, Path())
        elif flag.startswith("--") and not flag.endswith("+"):
            _put(given, flag.removeprefix("--"), value, Path())
    return given


def name_flags(given: Given, words: Sequence[str], variables: Mapping[str, str]) -> frozenset[str]:
    """Return the flags that a command line gives a value, without `init_args`: nothing that a base or a run brings along.

    Args:
        given: What the command line gives.
        words: Its arguments, for flags that append (`--trainer.callbacks+=...`).
        variables: The environment.

    Examples:
        >>> words = ["fit", "--model.optimizer.init_args.lr", "0.1", "--trainer.callbacks+=Timer"]
        >>> sorted(name_flags(read_given(words, ["fit"]), words, {}))
        ['model.optimizer.lr', 'trainer.callbacks']
    """
    appended = {flag[2:-1] for flag, _ in _pairs(words) if flag.startswith("--") and flag.endswith("+")}
    start = f"PL_{given.subcommand}__".upper()
    named = [name for name in variables if name.startswith(start)] if _reads_environment(variables) else []
    from_variables = {name.removeprefix(start).lower().replace("__", ".") for name in named}
    flags = {*_name_leaves(given.settings), *appended, *from_variables}
    return frozenset(flag.replace(".init_args", "") for flag in flags)


def _name_leaves(settings: Mapping[str, Any], above: str = "") -> Iterator[str]:
    """Yield the flags of nested settings; one whose value is a class is its own flag, too."""
    for name, value in settings.items():
        flag = above if name == "class_path" else f"{above}.{name}" if above else name
        if isinstance(value, str) and value.lstrip().startswith("{"):
            value, _ = _read(value, Path(), [])
        if isinstance(value, Mapping) and value:
            yield from _name_leaves(value, flag)
        else:
            yield flag


def asks_flagship(given: Given) -> bool:
    """Return whether a command line uses the shipped model: `predict` or `test` without a checkpoint or a base."""
    named = (given.get("ckpt_path"), given.get("model.base"))
    return given.subcommand in ("predict", "test") and not any(named)


def read_flagship(subcommand: str) -> dict[str, Any]:
    """Return the settings by which the shipped model is asked; `test` asks one task, since each has weights of its own."""
    settings = load_yaml(CONFIGS / "flagship.yaml")
    settings["model"]["base"] = "flagship"
    if subcommand == "test":
        settings["data"]["task"] = settings["data"]["task"].split(",")[0]
    return settings


def _find_subcommand(words: Sequence[str], subcommands: Container[str]) -> int | None:
    """Return the place of the subcommand; a file that is called like one is none."""
    return next(
        (
            place
            for place, word in enumerate(words)
            if word in subcommands and (place == 0 or words[place - 1] not in CONFIG_FLAGS)
        ),
        None,
    )


def _pairs(words: Sequence[str]) -> list[tuple[str, str]]:
    """Return flags and their values.

    Examples:
        >>> _pairs(["--name", "a", "--print_config", "--model.base=b=c", "-cfile.yaml"])
        [('--name', 'a'), ('--model.base', 'b=c'), ('-c', 'file.yaml')]
    """
    pairs, place = [], 0
    while place < len(words):
        word, following = words[place], words[place + 1] if place + 1 < len(words) else "--"
        flag, equals, value = word.partition("=")
        if equals and word.startswith("--"):
            pairs.append((flag, value))
        elif word.startswith("-c") and word != "-c":
            pairs.append(("-c", word.removeprefix("-c").removeprefix("=")))
        elif word.startswith("-") and word != "--print_config" and not following.startswith("--"):
            pairs.append((word, following))
            place += 1
        place += 1
    return pairs


def _environment(subcommand: str) -> list[tuple[str, str]]:
    """Return the flags that jsonargparse reads from the environment when it is asked to."""
    if not _reads_environment(os.environ):
        return []
    names = {flag: f"PL_{subcommand}__{flag.replace('.', '__')}".upper() for flag in READ_AHEAD}
    return [(flag, os.environ[name]) for flag, name in names.items() if name in os.environ]


def _reads_environment(variables: Mapping[str, str]) -> bool:
    """Return whether jsonargparse is asked to read flags from the environment."""
    return variables.get("JSONARGPARSE_DEFAULT_ENV", "").lower() == "true"


def _read(text: str, folder: Path, files: list[Path]) -> tuple[dict[str, Any] | None, Path]:
    """Return the settings of a file, or of a text that is a mapping itself, and the folder that its own files lie in."""
    paths = [os.path.join(place, os.path.expanduser(text)) for place in (folder, "")]
    if path := next((path for path in paths if os.path.isfile(path)), None):
        file = Path(path)
        if files.count(file) == MOST_READINGS:
            return None, folder
        files.append(file)
        return load_yaml(file, read_written), file.parent
    try:
        content = read_written(text)
    except yaml.YAMLError:
        return None, folder
    return (content if isinstance(content, dict) else None), folder


def _put(given: Given, flag: str, value: Any, folder: Path) -> None:
    """Set a flag; the file or the mapping that it may name is read."""
    if flag == "config" or (flag in NESTED and isinstance(value, str)):
        value, folder = _read(str(value), folder, given.files)
        flag = "" if flag == "config" else flag
        if value is None:
            return
    if isinstance(value, dict) and (value or not flag):
        for name, item in value.items():
            _put(given, f"{flag}.{name}" if flag else str(name), item, folder)
        return
    *parents, name = flag.split(".")
    settings = given.settings
    for parent in parents:
        if not isinstance(settings.get(parent), dict):
            settings[parent] = {}
        settings = settings[parent]
    settings[name] = value
