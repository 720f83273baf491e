"""Generated rows of string rules that only demonstrations show: learning in context, after Gu et al. (PICL, ACL 2023).

Columns: `rule` (its name, never shown), `text` (3 to 8 lower-case letters) and `answer` (the rule applied to it). A rule is one
of the simple ones (reverse, rotate, replace, sort, ...) or two of them in turn. Rules that answer alike have one name, so that
rules on two sides of a split are different functions.
"""

from __future__ import annotations

import random
import string
from collections.abc import Callable

import pyarrow as pa

from datamodules.sources.rows import Rows, built_in

RULES = 500
ROWS_PER_RULE = 20
_VOWELS = "aeiou"
_REPLACED = ("ax", "ey", "io", "nm", "st", "rl")
_PROBES = ("abcde", "eioua", "banana", "sst", "xyz", "lemonade", "roar", "tin", "mint", "queue")

Rule = Callable[[str], str]


def _list_simple_rules() -> dict[str, Rule]:
    """Return the rules that others are made of, by name."""
    rules: dict[str, Rule] = {
        "reverse": lambda text: text[::-1],
        "sort": lambda text: "".join(sorted(text)),
        "sort_down": lambda text: "".join(sorted(text, reverse=True)),
        "upper": str.upper,
        "capital": str.capitalize,
        "last_capital": lambda text: text[:-1] + text[-1:].upper(),
        "vowels_upper": lambda text: "".join(c.upper() if c in _VOWELS else c for c in text),
        "drop_vowels": lambda text: "".join(c for c in text if c.lower() not in _VOWELS),
        "twice": lambda text: text + text,
        "each_twice": lambda text: "".join(2 * c for c in text),
        "mirror": lambda text: text + text[::-1],
        "swap_ends": lambda text: text[-1:] + text[1:-1] + text[:1] if len(text) > 1 else text,
        "drop_first": lambda text: text[1:],
        "drop_last": lambda text: text[:-1],
        "every_second": lambda text: text[::2],
        "once_each": lambda text: "".join(dict.fromkeys(text)),
        "spaced": lambda text: " ".join(text),
        "dashed": lambda text: "-".join(text),
        "next_letters": lambda text: text.translate(
            str.maketrans(string.ascii_lowercase, "bcdefghijklmnopqrstuvwxyza")
        ),
    }
    for places in (1, 2):
        rules[f"rotate_{places}"] = lambda text, places=places: text[places:] + text[:places]  # type: ignore[misc]
    for pair in _REPLACED:
        old, new = pair[0], pair[1]
        rules[f"replace_{old}_{new}"] = lambda text, old=old, new=new: text.replace(old, new)  # type: ignore[misc]
    for letter in "kz":
        rules[f"append_{letter}"] = lambda text, letter=letter: text + letter  # type: ignore[misc]
        rules[f"prepend_{letter}"] = lambda text, letter=letter: letter + text  # type: ignore[misc]
    return rules


def list_rules(most: int = RULES) -> dict[str, Rule]:
    """Return rules by name, the simple ones first; no two answer alike, and none returns each text unchanged.

    Examples:
        >>> rules = list_rules()
        >>> len(rules), rules["reverse"]("abcd"), rules["rotate_1"]("abcd")
        (500, 'dcba', 'bcda')
    """
    simple = _list_simple_rules()
    pairs = [(one, other) for one in simple for other in simple if one != other]
    _shuffle(pairs, random.Random(0).random)
    found = dict(simple)
    answers = {tuple(rule(probe) for probe in _PROBES) for rule in simple.values()} | {_PROBES}
    for one, other in pairs:
        if len(found) == most:
            break

        def both(text: str, first: Rule = simple[one], second: Rule = simple[other]) -> str:
            return second(first(text))

        if (answer := tuple(both(probe) for probe in _PROBES)) not in answers and all(answer):
            answers.add(answer)
            found[f"{one} then {other}"] = both
    return found


def _shuffle(items: list[tuple[str, str]], draw: Callable[[], float]) -> None:
    """Shuffle in place; of the standard library's generators only `random()` keeps its sequence over Python's versions."""
    for last in range(len(items) - 1, 0, -1):
        other = int(draw() * (last + 1))
        items[last], items[other] = items[other], items[last]


def generate(rows_per_rule: int = ROWS_PER_RULE, seed: int = 0) -> list[tuple[str, str, str]]:
    """Return (rule, text, answer), each rule with different texts; a pure function of its arguments.

    Args:
        rows_per_rule: Rows of each rule, at most a thousand.
        seed: Any whole number.
    """
    assert rows_per_rule <= 1000, "short texts run out"
    draw = random.Random(seed).random
    # Half of the letters are those that rules look for.
    letters = _VOWELS + "nstr" + string.ascii_lowercase
    rows = []
    for name, rule in list_rules().items():
        texts: dict[str, str] = {}
        while len(texts) < rows_per_rule:
            text = "".join(letters[int(draw() * len(letters))] for _ in range(3 + int(draw() * 6)))
            if answer := rule(text):
                texts[text] = answer
        rows += [(name, text, answer) for text, answer in texts.items()]
    return rows


def load() -> Rows:
    """Return 20 rows of each of 500 rules, the same on every machine."""
    rule, text, answer = zip(*generate(), strict=True)
    columns = {"rule": rule, "text": text, "answer": answer}
    return built_in(
        "string_rules", pa.table({name: pa.array(cells, pa.string()) for name, cells in columns.items()})
    )
