"""Name the configuration file and the line of a setting that the program does not know, or no longer."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from pathlib import Path

import yaml

MOVED = {
    "data.share_prefix": "model.share_prefix",
    "optimizer": "model.optimizer",
    "lr_scheduler": "model.scheduler",
}
"""Settings of older versions, and the flag that took the place of each."""
_UNKNOWN = re.compile(
    r"(?:Subcommand '[^']*' does not accept option|Group '(?P<group>[^']*)' does not accept option|Option) "
    r"'(?P<key>[^']*)'"
)


def explain_unknown(message: str, files: Sequence[Path]) -> str:
    """Return a parser's message about an unknown setting with the file that holds it; other messages stay.

    Args:
        message: The parser's message.
        files: The configuration files of the command line; the last one that holds the setting is named.
    """
    found = _UNKNOWN.search(message)
    if found is None:
        return message
    key = ".".join(part for part in (found["group"], found["key"]) if part)
    parts = key.split(".")
    tails = [
        ".".join(parts[start:]) for start in range(len(parts))
    ]  # a file of a group (`--data FILE`) has only the tail
    for tail, file in ((tail, file) for tail in tails for file in reversed(files)):
        for _, line in find_setting(file, tail):
            flag = key
            moved = next((new for old, new in MOVED.items() if f"{flag}.".startswith(f"{old}.")), None)
            advice = (
                "Remove the line" if moved is None else f"Move its value to {moved}, which took its place"
            )
            return f"{file}, line {line}: expected settings of this version, but it has none called {flag!r}. {advice}."
    return message


def find_setting(file: Path, key: str) -> Iterator[tuple[str, int]]:
    """Yield the settings of a YAML file that end with `key`, each with its line."""
    try:
        root = yaml.compose(file.read_text(encoding="utf-8"), Loader=yaml.SafeLoader)
    except (OSError, UnicodeDecodeError, yaml.YAMLError):
        return
    for flag, line in _settings(root, ""):
        if f".{flag}".endswith(f".{key}"):
            yield flag, line


def _settings(node: yaml.Node | None, flag: str) -> Iterator[tuple[str, int]]:
    """Yield all settings below a node with their lines; the entries of a list share the list's name."""
    if isinstance(node, yaml.MappingNode):
        for name, value in node.value:
            inner = f"{flag}.{name.value}" if flag else str(name.value)
            yield inner, name.start_mark.line + 1
            yield from _settings(value, inner)
    elif isinstance(node, yaml.SequenceNode):
        for value in node.value:
            yield from _settings(value, flag)
