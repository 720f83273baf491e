"""Read and write YAML: one reader and one writer for configuration files, flags and a run's `config.yaml`.

The reader takes `1e-4` for a number, as YAML 1.2 and people do, and a date for text. The writer quotes every text that the
reader, or a reader of YAML 1.1, would take for something else, so that what is written reads back equal.
"""

from __future__ import annotations

import re
from typing import Any

import yaml

_FLOAT = re.compile(
    r"""^(?:[-+]?[0-9][0-9_]*\.[0-9_]*(?:[eE][-+]?[0-9]+)?
        |[-+]?[0-9][0-9_]*[eE][-+]?[0-9]+
        |\.[0-9_]+(?:[eE][-+]?[0-9]+)?
        |[-+]?[0-9][0-9_]*(?::[0-5]?[0-9])+\.[0-9_]*
        |[-+]?\.(?:inf|Inf|INF)
        |\.(?:nan|NaN|NAN))$""",
    re.VERBOSE,
)
_FLOAT_TAG, _DATE_TAG = "tag:yaml.org,2002:float", "tag:yaml.org,2002:timestamp"
_SafeLoader: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)  # the one written in C is ten times as fast


class Loader(_SafeLoader):
    """Reads plain values only; nothing in a file can run code. A key that stands twice is an error, not the last one's value."""

    yaml_implicit_resolvers = {  # noqa: RUF012 (PyYAML's own attribute)
        first: [(tag, pattern) for tag, pattern in rules if tag not in (_FLOAT_TAG, _DATE_TAG)]
        for first, rules in yaml.SafeLoader.yaml_implicit_resolvers.items()
    }

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        """Return a mapping."""
        keys = [(key.tag, key.value) for key, _ in node.value if isinstance(key, yaml.ScalarNode)]
        for place, key in enumerate(keys):
            if key in keys[:place]:
                raise yaml.MarkedYAMLError(None, None, f"the key {key[1]!r} stands twice", node.start_mark)
        mapping: dict[Any, Any] = super().construct_mapping(node, deep)
        return mapping


class Plain(str):
    """A number or a truth value as it is written in YAML; `write_yaml` writes it so again."""


class WrittenLoader(Loader):
    """Reads numbers and truth values as they are written."""


class Dumper(yaml.SafeDumper):
    """Quotes what `Loader` or YAML 1.1 would not read as text."""


def _represent_text(dumper: yaml.SafeDumper, text: str) -> yaml.Node:
    """Return the node of a text; PyYAML writes line breaks of Unicode in a way that reads back as other white space."""
    style = '"' if any(mark in text for mark in "\x85\u2028\u2029") else None
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style=style)


def _represent_plain(dumper: yaml.SafeDumper, text: Plain) -> yaml.Node:
    return dumper.represent_scalar(dumper.resolve(yaml.ScalarNode, text, (True, False)), str(text))


Loader.add_implicit_resolver(_FLOAT_TAG, _FLOAT, list("-+0123456789."))
Dumper.add_implicit_resolver(_FLOAT_TAG, _FLOAT, list("-+0123456789."))
Dumper.add_multi_representer(dict, yaml.SafeDumper.represent_dict)
for _kind in ("int", "float", "bool"):
    WrittenLoader.add_constructor(f"tag:yaml.org,2002:{_kind}", lambda _, node: Plain(node.value))
Dumper.add_representer(str, _represent_text)
Dumper.add_representer(Plain, _represent_plain)


def read_yaml(text: str) -> Any:
    """Return the content of a YAML text.

    Raises:
        yaml.YAMLError: If it is not YAML.

    Examples:
        >>> read_yaml("{rate: 1e-4, name: '1e-4', when: 2026-01-01}")
        {'rate': 0.0001, 'name': '1e-4', 'when': '2026-01-01'}
    """
    try:
        return yaml.load(str(text), Loader)
    except ValueError as error:  # such as `0b_`, which begins like a number
        raise yaml.YAMLError(str(error)) from error


def read_written(text: str) -> Any:
    r"""Return the content of a YAML text with numbers and truth values as they are written.

    Examples:
        >>> content = read_written("{rate: 1e-4, tags: [null, 'a b', 0x10], name: '1e-4'}")
        >>> content["rate"], content["tags"], write_yaml(content["rate"]), write_yaml(content["name"])
        ('1e-4', [None, 'a b', '0x10'], '1e-4\n...\n', "'1e-4'\n")
    """
    return yaml.load(text, WrittenLoader)


def read_words(text: str) -> Any:
    """Return the content of a YAML text with every value as it is written, also `null`.

    Examples:
        >>> read_words("{rate: 1e-4, tags: [null, 'a b', 0x10]}")
        {'rate': '1e-4', 'tags': ['null', 'a b', '0x10']}
    """
    return yaml.load(text, yaml.BaseLoader)


def write_yaml(settings: Any) -> str:
    r"""Return settings as YAML that `read_yaml` reads back equal.

    Examples:
        >>> print(write_yaml({"name": "1e-4", "rate": 0.0001, "column": "null", "tags": ["#x", "plain"]}), end="")
        name: '1e-4'
        rate: 0.0001
        column: 'null'
        tags:
        - '#x'
        - plain
    """
    return yaml.dump(settings, Dumper=Dumper, sort_keys=False, allow_unicode=True, default_flow_style=False)
