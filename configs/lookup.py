"""Find a configuration file by name or by path, and read it; and find the folder of the caches.

A name (`alpaca`) is looked up in `configs/<kind>/`; a path (`my_format.yaml`) is used as it is.
"""

from __future__ import annotations

import difflib
import os
import unicodedata
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import yaml

from configs.yaml_text import read_yaml

CONFIGS = Path(__file__).resolve().parent
PROJECT = CONFIGS.parent
"""The folder of the packages: a checkout, or where they are installed."""
SUFFIXES = (".yaml", ".yml")


def find_name(name: str, options: Sequence[str]) -> str | None:
    """Return the option with that name, else the only one that matches ignoring case, else None.

    Unicode's composed and decomposed forms of a name (é, e + accent) are one name.

    Examples:
        >>> find_name("ChatML", ["alpaca", "chatml"]), find_name("Alpaka", ["alpaca", "chatml"])
        ('chatml', None)
    """
    for fold in (str, _compose, lambda text: _compose(text).casefold()):
        matches = [option for option in options if fold(option) == fold(name)]
        if len(matches) == 1:
            return matches[0]
    return None


def _compose(text: str) -> str:
    return unicodedata.normalize("NFC", text)


def suggest(name: str, options: list[str]) -> str:
    """Return ` Did you mean 'x'?` for the closest of `options`, or an empty string; upper and lower case are the same.

    Examples:
        >>> suggest("smile", ["smiles", "name", "mw"]), suggest("mass", ["smiles", "name", "mw"])
        (" Did you mean 'smiles'?", '')
    """
    folded = {option.casefold(): option for option in reversed(options)}
    close = difflib.get_close_matches(name.casefold(), folded, n=1, cutoff=0.6)
    return f" Did you mean {folded[close[0]]!r}?" if close else ""


def list_configs(kind: str) -> list[str]:
    """Return the names of the shipped files in `configs/<kind>/`, sorted.

    Examples:
        >>> list_configs("tokens")
        ['atoms', 'selfies', 'smiles']
    """
    return sorted(path.stem for path in (CONFIGS / kind).glob("*.yaml"))


def find_config(kind: str, name_or_path: str) -> Path:
    """Return the file for a name or path.

    Args:
        kind: The folder below `configs/`: `tasks`, `formats` or `bases`.
        name_or_path: A shipped file's name without its suffix, or the path of a YAML file.

    Raises:
        ValueError: If there is no such file; the message lists the shipped names.
    """
    if name_or_path.endswith(SUFFIXES) or "/" in name_or_path:
        path = Path(name_or_path).expanduser()
        if path.is_file():
            return path
        raise ValueError(
            f"Expected --*.{kind[:-1]} to be a file or a name in configs/{kind}, but {name_or_path!r} is not a file."
        )
    names = list_configs(kind)
    if name_or_path in names:
        return CONFIGS / kind / f"{name_or_path}.yaml"
    raise ValueError(
        f"No {kind[:-1]} is called {name_or_path!r} (configs/{kind} has: {', '.join(names)}; "
        f"a path to a YAML file works too).{suggest(name_or_path, names)}"
    )


def load_yaml(path: Path, read: Callable[[str], Any] = read_yaml) -> dict[str, Any]:
    """Read a YAML file that holds one mapping.

    Args:
        path: The file.
        read: How its text is read: `read_yaml` or `read_written`.

    Raises:
        ValueError: If the file is not YAML or is not a mapping.
    """
    try:
        content = read(path.read_text(encoding="utf-8"))
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise ValueError(f"{path}: expected a YAML file, but {error}") from error
    if not isinstance(content, dict):
        raise ValueError(f"{path}: expected a mapping (key: value lines), but got {type(content).__name__}.")
    return content


def find_cache_root() -> Path | None:
    """Return the folder of all caches: `$PATOIS_CACHE`, else `$XDG_CACHE_HOME/patois`, else `~/.cache/patois`.

    None for a user without a home who has set neither variable. Prepared data lie in it, and unpacked bases in `bases`.
    """
    if given := os.environ.get("PATOIS_CACHE"):
        return Path(given)
    if caches := os.environ.get("XDG_CACHE_HOME"):
        return Path(caches) / "patois"
    with suppress(RuntimeError):
        return Path.home() / ".cache" / "patois"
    return None
