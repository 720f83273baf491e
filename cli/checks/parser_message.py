"""One line out of the parser's message, which can have seventy."""

from __future__ import annotations

import re

from cli.checks.flag_check import find_nearest
from cli.checks.flag_list import FlagList

_OURS = re.compile(
    r"(Expected --[\w.]+ to be .*? but got .*|--[\w.]+ needs .*|No class for --.* is called .*"
    r"|\S+ is not in the modules on the allow-list .*? train\.py \.\.\.)"
)
_UNION = re.compile(
    r'Parser key "([\w.]+)": Does not validate against any of the Union subtypes Subtypes: \[(.*?)\] Errors: '
    r".*Given value type: .*? Given value: (.*)"
)
_WORDS = {
    "str": "a text",
    "int": "a whole number",
    "float": "a number",
    "bool": "true or false",
    "NoneType": "null",
}
_CONTAINERS = {"list": "a list such as [...]", "dict": "a mapping such as {name: number}"}
_LONGEST = 600


def shorten(message: str, command: str, listed: FlagList) -> str:
    """Return the message in one line: this program's own sentence in it if there is one, else what the parser says first.

    Args:
        message: The parser's message.
        command: The subcommand, or another text if there is none.
        listed: All flags, for a suggestion.
    """
    lines = [line.strip() for line in message.splitlines() if line.strip()]
    for line in lines:
        if found := _OURS.search(line):
            return found[1]
    if found := _UNION.search(" ".join(lines)):
        name, kinds, value = found.groups()
        return f"Expected --{name} to be {_in_words(kinds)}, but got {value.strip()}."
    one = " ".join(lines).partition(" - Does not validate against any of the Union subtypes")[0]
    if found := re.match(r"unrecognized arguments: (-\S+)", one):
        name = found[1].partition("=")[0]
        nearest = find_nearest(name.lstrip("-"), listed.flags.get(command, {}), listed)
        return f"No flag is called {name}.{f' Did you mean --{nearest}?' if nearest else ''}"
    if found := re.search(r"(?:does not accept option|^Option) '([\w.]+)'", one):
        nearest = find_nearest(found[1], listed.flags.get(command or "fit", {}), listed)
        return f"No flag is called {found[1]}.{f' Did you mean --{nearest}?' if nearest else ''}"
    one = re.sub(r"<class '(?:\w+\.)*(\w+)'>", r"\1", one).replace("typing.", "")
    return one if len(one) <= _LONGEST else f"{one[: _LONGEST - 4]} ..."


def _in_words(kinds: str) -> str:
    """Return a union's members in words.

    Examples:
        >>> _in_words("str, list[str], dict[str, float], NoneType")
        'a text, a list such as [...], a mapping such as {name: number} or null'
    """
    members = re.findall(
        r"(?:typing\.)?(\w+)(?:\[[^\]]*\])?", re.sub(r"<class '(?:\w+\.)*(\w+)'>", r"\1", kinds)
    )
    said = [_WORDS.get(one) or _CONTAINERS.get(one.lower(), one) for one in members]
    return " or ".join([*([", ".join(said[:-1])] if said[1:] else []), said[-1]])
