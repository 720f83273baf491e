"""A study's cells: the grid of a W&B sweep file."""

from __future__ import annotations

import hashlib
import itertools
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import yaml

from configs.lookup import CONFIGS, load_yaml

STUDIES = CONFIGS / "studies"
SEED = "seed_everything"
Flags = dict[str, Any]
"""A cell: the value of each flag. Equal flags are the same cell."""


class Study(NamedTuple):
    """The content of a sweep file."""

    name: str
    description: str
    parameters: dict[str, list[Any]]
    """The values of each flag, varying or fixed."""


def find_study(name_or_path: str) -> Path:
    """Return the file of a study: a name in configs/studies, or a path.

    Raises:
        ValueError: If there is no such file.
    """
    paths = [STUDIES / f"{name_or_path}.yaml", Path(name_or_path)]
    found = next((path for path in paths if path.is_file()), None)
    if found is None:
        known = ", ".join(sorted(path.stem for path in STUDIES.glob("*.yaml")))
        raise ValueError(f"Expected a study ({known}) or the path of a sweep file, but got {name_or_path!r}.")
    return found


def read_study(path: Path, changes: Sequence[str] = ()) -> Study:
    """Read a W&B sweep file.

    Args:
        path: The file.
        changes: `flag=value` or `flag=[value, value]` each; they override the file's flags or add to them.

    Raises:
        ValueError: If the file is not a grid sweep, or a change has another form.
    """
    content = load_yaml(path)
    if (
        content.get("method") != "grid"
        or not content.get("parameters")
        or content.get("program") != "train.py"
    ):
        raise ValueError(f"{path}: expected a W&B sweep with program: train.py, method: grid and parameters.")
    if not isinstance(content["parameters"], Mapping):
        raise ValueError(f"{path}: expected parameters to be flags, but got {content['parameters']!r}.")
    parameters = {}
    for flag, spec in content["parameters"].items():
        several = isinstance(spec, Mapping) and isinstance(spec.get("values"), list) and bool(spec["values"])
        if not isinstance(spec, Mapping) or ("value" in spec) == several:
            raise ValueError(
                f"{path}: expected {flag} to have either `value` or a list `values`, but got {spec!r}."
            )
        parameters[str(flag)] = list(spec["values"]) if several else [spec["value"]]
    for change in changes:
        flag, sign, text = change.partition("=")
        if not sign or not flag or flag.startswith("-"):
            raise ValueError(f"Expected --set flag=value, e.g. --set model.base=bundled, but got {change!r}.")
        try:
            value = yaml.safe_load(text)
        except yaml.YAMLError as error:
            raise ValueError(f"Expected --set {flag}= a value as YAML has it, but got {text!r}.") from error
        # The value goes to the command line as it was typed: `null` must not become `None`.
        parameters[flag] = value if isinstance(value, list) and value else [text if value is None else value]
    return Study(path.stem, str(content.get("description") or ""), parameters)


def expand(study: Study) -> list[Flags]:
    """Return all cells, those of the first seed first, so that a table without a range over seeds is ready early.

    Examples:
        >>> study = Study("my_study", "", {"data.train_rows": [100, 1_000], "seed_everything": [0, 1]})
        >>> [(cell["seed_everything"], cell["data.train_rows"]) for cell in expand(study)]
        [(0, 100), (0, 1000), (1, 100), (1, 1000)]
    """
    parameters = dict(study.parameters)
    seeds = parameters.pop(SEED, [0])
    return [
        {**dict(zip(parameters, values, strict=True)), SEED: seed}
        for seed in seeds
        for values in itertools.product(*parameters.values())
    ]


def identity(flags: Mapping[str, Any]) -> str:
    """Return a string that is equal for equal flags in any order."""
    return json.dumps(flags, sort_keys=True, default=str)  # YAML has dates


def missing(cells: Sequence[Flags], results: Sequence[Mapping[str, Any]]) -> list[Flags]:
    """Return the cells without a result, each once."""
    done = {identity(result["flags"]) for result in results}
    different = {identity(cell): cell for cell in cells}
    return [cell for key, cell in different.items() if key not in done]


def of_study(study: Study, results: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Return a study's results, the first one per cell, without cells that are no longer part of it."""
    cells = {identity(cell) for cell in expand(study)}
    found: dict[str, dict[str, Any]] = {}
    for result in results:
        found.setdefault(identity(result["flags"]), dict(result))
    return [result for key, result in found.items() if key in cells]


def words(flags: Mapping[str, Any]) -> list[str]:
    """Return the command-line arguments, as W&B's agent substitutes them for `${args}`.

    Examples:
        >>> words({"data.train_rows": 100, "data.task": None})
        ['--data.train_rows=100', '--data.task=null']
    """
    return [f"--{flag}={'null' if value is None else value}" for flag, value in flags.items()]


def run_name(study: str, flags: Mapping[str, Any]) -> str:
    """Return the name of a cell's run, the same each time, so that an interrupted run is found again."""
    return f"study-{study}-{hashlib.sha256(identity(flags).encode()).hexdigest()[:10]}"
