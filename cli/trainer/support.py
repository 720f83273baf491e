"""Which features of Lightning work, are refused, or were never tried: configs/lightning.yaml as values."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from fnmatch import fnmatchcase
from importlib.util import find_spec
from typing import Any

from configs.lookup import CONFIGS, load_yaml, suggest

FILE = CONFIGS / "lightning.yaml"
FLAGS = {
    "callbacks": "--trainer.callbacks",
    "strategies": "--trainer.strategy",
    "precisions": "--trainer.precision",
    "loggers": "--trainer.logger",
    "plugins": "--trainer.plugins",
    "profilers": "--trainer.profiler",
    "accelerators": "--trainer.accelerator",
    "flags": "--trainer",
}
"""The kinds of features, and the flag that names a feature of each kind."""


@dataclass(frozen=True)
class Feature:
    """What is known of one feature, or of all whose names match a pattern."""

    kind: str
    """A key of `FLAGS`."""
    name: str
    """Its name, or a pattern such as `fsdp*`."""
    works: str | None = None
    """The words that a test adds to a fit."""
    refused: str | None = None
    """Why it is refused, and what to do instead."""
    untried: str | None = None
    """Why no test has run it."""
    note: str = ""
    package: str = ""
    """The package that `pip install` needs for it."""
    modules: tuple[str, ...] = ()
    """Modules of which one must be installed."""
    alone: bool = False
    """Whether its test adds nothing else to the fit."""
    slow: bool = False

    def __post_init__(self) -> None:
        told = [text for text in (self.works, self.refused, self.untried) if text is not None]
        assert len(told) == 1, f"{self.name}: expected one of works, refused and untried"

    @property
    def words(self) -> list[str]:
        """The words of its test."""
        return shlex.split(self.works or "")

    @property
    def is_installed(self) -> bool:
        """Whether the package that it needs is there."""
        return not self.modules or any(find_spec(module) is not None for module in self.modules)


def read_features() -> list[Feature]:
    """Return all features, in the order of the file."""
    features: Mapping[str, Mapping[str, Mapping[str, Any]]] = load_yaml(FILE)
    return [
        Feature(kind, str(name), **{**told, "modules": tuple(told.get("modules") or _own_module(told))})
        for kind, of_kind in features.items()
        for name, told in of_kind.items()
    ]


def _own_module(told: Mapping[str, Any]) -> tuple[str, ...]:
    return (told["package"],) if "package" in told else ()


def find_feature(features: list[Feature], kind: str, name: str) -> Feature | None:
    """Return what is known of a feature: by its own name, else by the first pattern that matches.

    Examples:
        >>> find_feature([Feature("strategies", "fsdp*", refused="it shards")], "strategies", "fsdp_cpu_offload").name
        'fsdp*'
    """
    of_kind = [feature for feature in features if feature.kind == kind]
    exact = [feature for feature in of_kind if feature.name == name]
    return next(iter(exact or [feature for feature in of_kind if fnmatchcase(name, feature.name)]), None)


def explain_name(message: str, features: list[Feature]) -> str:
    r"""Return a parser's message about a name for a feature that it does not know, in one line; other messages unchanged.

    Examples:
        >>> explain_name(
        ...     'Parser key "trainer.logger": Expected a dot import path string: CSVLoger\n Given value: CSVLoger',
        ...     [Feature("loggers", "CSVLogger", works="")],
        ... )
        "--trainer.logger: expected one of CSVLogger, but got 'CSVLoger'. Did you mean 'CSVLogger'?"
    """
    key = re.match(r'Parser key "trainer\.(\w+)"', message)
    given = re.search(r"Given value: (?:NestedArg\(key='class_path', val=)?'?([\w-]+)'?\)?$", message.strip())
    kinds = {flag.rpartition(".")[2]: kind for kind, flag in FLAGS.items()}
    if key is None or given is None or key[1] not in kinds:
        return message
    kind, name = kinds[key[1]], given[1]
    if problem := why_not(find_feature(features, kind, name)):
        return problem
    names = [one.name for one in features if one.kind == kind and one.refused is None]
    if name in names:
        return message
    return f"--trainer.{key[1]}: expected one of {', '.join(names)}, but got {name!r}.{suggest(name, names)}"


def why_not(feature: Feature | None) -> str | None:
    """Return why a run cannot have a feature, in a sentence; None if it can, or nothing is known of it.

    Examples:
        >>> why_not(Feature("loggers", "MyLogger", untried="needs an account", package="my-logger", modules=("my_logger",)))
        '--trainer.logger MyLogger needs a package that is not installed: pip install my-logger'
    """
    if feature is None:
        return None
    flag = FLAGS[feature.kind]
    named = f"{flag}.{feature.name}" if feature.kind == "flags" else f"{flag} {feature.name}"
    if feature.refused is not None:
        return f"{named} is refused: {feature.refused}."
    if not feature.is_installed:
        return f"{named} needs a package that is not installed: pip install {feature.package}"
    return None


def describe_unknown_strategy(name: str, features: Iterable[Feature]) -> str:
    """Return the error about a word for a strategy that is none."""
    names = [one.name for one in features if one.kind == "strategies" and one.works is not None]
    by_class = f" Name a class as --trainer.strategy.class_path {name}." if name.endswith("Strategy") else ""
    return (
        f"--trainer.strategy: expected one of {', '.join(one for one in names if one.islower())}, but got {name!r}."
        + (by_class or suggest(name, names))
    )


def refuse_strategy(name: str) -> str | None:
    """Return why a run cannot have the strategy that a word names, or that there is none of this name; None if it can."""
    features = read_features()
    feature = find_feature(features, "strategies", name)
    if feature is None and name.islower() and "." not in name:  # others may be classes
        return describe_unknown_strategy(name, features)
    return why_not(feature and replace(feature, name=name))


def refuse_feature(kind: str, name: str) -> str | None:
    """Return why a run cannot have a feature of this name, with the name as it was given; None if it can."""
    feature = find_feature(read_features(), kind, name)
    return why_not(feature and replace(feature, name=name))
