"""Hostile molecules and names: a corpus written by hand, and as many as wanted from hypothesis."""

from __future__ import annotations

import json
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st

from datamodules.sources.pubchem_small import load

CORPUS = Path(__file__).with_name("hostile_strings.jsonl")
SMILES_PARTS = (
    *"BCFHNOPSIbcnops()[]=#$:/\\.%0123456789@+-*~?>|&; \n\t\0", "Cl", "Br", "[nH]", "[C@@H]", "[13CH3]", "[Fe+2]", "c1ccccc1",
    "C1CC1", "%99", "%(100)", "->", "<-", "[#0]", "[R1]", "[2H]", "->[Pt]", "@TH1", "@OH30", "\u2013", "\u200b", "\ud800",
)  # fmt: skip
NAME_PARTS = (
    "meth", "eth", "yl", "ane", "cyclo", "di", "tri", "N-", "2-", "(", ")", "[", "]", "{", "}", ",", "-", " ", "'", ";",
    "(2R)-", "(E)-", "amino", "oxo", "acid", "bicyclo[2.2.1]", "\u03b1-", "\u2032", "\u202e", "\u0301", "\0", "\n", "\ud800",
    "\U0001f600", "1H-", "spiro",
)  # fmt: skip


class Text(NamedTuple):
    """A string to judge."""

    notation: str
    text: str
    valid: bool | None
    """Whether it may count as valid; None: nobody knows."""


@cache
def corpus() -> list[Text]:
    """Return the strings of hostile_strings.jsonl, those with `times` repeated."""
    texts = []
    for line in CORPUS.read_text(encoding="ascii").splitlines():
        item: dict[str, Any] = json.loads(line)
        text = item.get("before", "") + item["text"] * item.get("times", 1) + item.get("after", "")
        texts.append(Text(item["notation"], text, item.get("valid")))
    return texts


@cache
def _real() -> dict[str, list[str]]:
    table = load().table
    return {
        "smiles": table.column("smiles").to_pylist()[:3000],
        "iupac": [
            name[0] if isinstance(name, list) else name for name in table.column("iupac").to_pylist()[:3000]
        ],
    }


def _mutated(words: Sequence[str], parts: Sequence[str]) -> st.SearchStrategy[str]:
    """Real strings with pieces taken out, doubled, swapped or put in."""

    def change(word: str, others: list[tuple[int, str, int]]) -> str:
        for place, part, kind in others:
            at = place % (len(word) + 1)
            end = at + 1 + place % 7
            if kind == 0:
                word = word[:at] + part + word[at:]
            elif kind == 1:
                word = word[:at] + word[end:]
            elif kind == 2:
                word = word[:end] + word[at:end] * (2 + place % 9) + word[end:]
            else:
                word = word[end:] + part + word[:at]
        return word

    places = st.tuples(st.integers(0, 999), st.sampled_from(parts), st.integers(0, 3))
    return st.builds(change, st.sampled_from(words), st.lists(places, min_size=1, max_size=4))


def fuzzed(notation: str, count: int) -> list[Text]:
    """Return `count` different strings, the same at each call: soups of pieces, changed real ones, long ones, any text."""
    parts = NAME_PARTS if notation == "iupac" else SMILES_PARTS
    soup = st.lists(st.sampled_from(parts), max_size=60).map("".join)
    long = st.builds(
        lambda piece, times: (piece * times)[:1000],
        st.lists(st.sampled_from(parts), min_size=1, max_size=8).map("".join),
        st.integers(20, 400),
    )
    anything = st.text(st.characters(), max_size=40)
    one = st.one_of(
        soup, _mutated(_real()["iupac" if notation == "iupac" else "smiles"], parts), long, anything
    )
    found: dict[str, None] = {}

    def collect(text: str) -> None:
        found[text] = None

    for number in range(1000):  # a round repeats some strings
        if len(found) >= count:
            break
        rules = settings(
            max_examples=count,
            phases=[Phase.generate],
            deadline=None,
            database=None,
            suppress_health_check=list(HealthCheck),
        )
        seed(number)(rules(given(one)(collect)))()
    return [Text(notation, text, None) for text in list(found)[:count]]
