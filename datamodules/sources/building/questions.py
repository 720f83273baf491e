"""Passages about compounds, questions about a passage, and answers that stand in it word for word.

A passage tells of three samples with labels drawn at random (`KDVT is 4-chlorophenol.`) what was measured of them, between
sentences that help nobody. A question asks for a fact by the label, or for the label by a fact; so nobody can answer it without
the passage, whatever they know of chemistry. The numbers are those of our own tables.
"""

from __future__ import annotations

import random
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any, NamedTuple

SAMPLES = 3
"""How many samples a passage has; each compound is in one passage only."""
QUESTIONS = 3
"""How many questions are asked of a passage, each of another kind."""
MOST_NAME_CHARACTERS = 45
Draw = Callable[[], float]
"""Draws a number from 0 up to 1."""
_LETTERS = "BDFGHJKLMNPRSTVWXZ"
"""Of labels: no vowels, so that none is a word, and no digits, so that no number stands in one."""

FACTS = {
    "name": (
        "{label} is {value}.",
        "Sample {label} holds {value}.",
        "The bottle marked {label} contains {value}.",
        "Under {label} we keep {value}.",
    ),
    "formula": (
        "The formula of {label} is {value}.",
        "Combustion gave {value} for {label}.",
        "Sample {label} has the composition {value}.",
    ),
    "mass": (
        "The molar mass of {label} is {value} g/mol.",
        "{label} weighs {value} g/mol.",
        "For sample {label} the label says {value} g/mol.",
    ),
    "melting_point": (
        "{label} melts at {value} °C.",
        "The melting point of {label} was {value} °C.",
        "Heated slowly, sample {label} turned liquid at {value} °C.",
        "We saw {label} melt at {value} °C.",
    ),
    "solubility": (
        "In water, {label} has a log S of {value}.",
        "The solubility of {label} in water, as log S, is {value}.",
        "For sample {label} a log S of {value} was found.",
    ),
}
"""What is said of a sample, by the kind of fact."""
ASKED = {
    "name": (
        "Which compound is sample {label}?",
        "What is in the bottle marked {label}?",
        "What is sample {label}?",
    ),
    "formula": (
        "What is the formula of sample {label}?",
        "Which composition does {label} have?",
        "Give the molecular formula of {label}.",
    ),
    "mass": (
        "What is the molar mass of {label} in g/mol?",
        "How many grams does a mole of sample {label} weigh?",
        "Give the molar mass of {label}.",
    ),
    "melting_point": (
        "At how many °C does {label} melt?",
        "What is the melting point of sample {label} in °C?",
        "At what temperature, in °C, does sample {label} turn liquid?",
    ),
    "solubility": (
        "What is the log S of {label}?",
        "How soluble in water is sample {label}, as log S?",
        "Which log S was found for {label}?",
    ),
}
"""Questions for a fact by the label."""
WHICH = {
    "name": ("Which sample is {value}?", "Under which label is {value} kept?"),
    "formula": ("Which sample has the formula {value}?", "Whose composition is {value}?"),
    "mass": ("Which sample has a molar mass of {value} g/mol?", "What weighs {value} g/mol?"),
    "melting_point": ("Which sample melts at {value} °C?", "Whose melting point is {value} °C?"),
    "solubility": ("Which sample has a log S of {value}?", "For which sample was a log S of {value} found?"),
}
"""Questions for the label by a fact."""
FILLERS = (
    "All samples were kept in the dark.",
    "The balance was calibrated in the morning.",
    "Nobody opened the bottles before the measurement.",
    "The thermometer was changed on Tuesday.",
    "Two students repeated each measurement.",
    "The labels were written by hand.",
    "The laboratory was at room temperature.",
    "A fourth bottle was empty and is not listed.",
    "The report was read by a colleague.",
    "No sample changed its colour.",
)


class Compound(NamedTuple):
    """What is known of a compound: its InChIKey and its facts by kind; a fact that is not known is not there."""

    inchikey: str
    facts: dict[str, str]


class Sample(NamedTuple):
    """A compound of a passage under its label, with the facts that the passage tells."""

    label: str
    facts: dict[str, str]


def make_rows(compounds: Iterable[Compound], seed: int = 0) -> Iterator[dict[str, str]]:
    """Yield the questions, those of a passage one after the other; a pure function of the compounds and the seed.

    Args:
        compounds: With a name and at least two other facts each; those with longer names than `MOST_NAME_CHARACTERS` are left
            out.
        seed: Any whole number.
    """
    # Of the standard library's generators only `random()` keeps its sequence over Python's versions.
    draw = random.Random(seed).random
    usable = sorted(item for item in compounds if len(item.facts["name"]) <= MOST_NAME_CHARACTERS)
    _shuffle(usable, draw)
    passages = 0
    for start in range(0, len(usable) - SAMPLES + 1, SAMPLES):
        labels = _labels(SAMPLES, draw)
        # One sample is told more of: a passage of 200 tokens fits into the default length with a question.
        more = int(draw() * SAMPLES)
        samples = [
            Sample(label, _told(item, 2 if place == more else 1, draw))
            for place, (label, item) in enumerate(zip(labels, usable[start : start + SAMPLES], strict=True))
        ]
        context = write_passage(samples, draw)
        questions = list(ask(samples, context, draw))
        if questions:
            passages += 1
        for kind, question, answer in questions:
            yield {
                "passage": f"{passages:05}",
                "context": context,
                "question": question,
                "asked": f"{context} {question}",
                "answer": answer,
                "kind": kind,
            }


def write_passage(samples: Sequence[Sample], draw: Draw) -> str:
    """Return a passage that tells all facts of the samples, name by name first or mixed, with one or two fillers."""
    sentences = [
        _choose(FACTS[kind], draw).format(label=sample.label, value=value)
        for sample in samples
        for kind, value in sample.facts.items()
    ]
    if draw() < 0.5:
        _shuffle(sentences, draw)
    fillers = list(FILLERS)
    _shuffle(fillers, draw)
    for filler in fillers[: 1 + int(draw() * 2)]:
        sentences.insert(int(draw() * (len(sentences) + 1)), filler)
    return " ".join(sentences)


def ask(samples: Sequence[Sample], context: str, draw: Draw) -> Iterator[tuple[str, str, str]]:
    """Yield up to `QUESTIONS` of a passage as (kind, question, answer), each of another kind of fact."""
    possible = [
        (kind, sample, by_label)
        for sample in samples
        for kind, value in sample.facts.items()
        for by_label in (True, False)
        if stands_once(value, context)
    ]
    _shuffle(possible, draw)
    asked: set[str] = set()
    for kind, sample, by_label in possible:
        if kind in asked or len(asked) == QUESTIONS:
            continue
        asked.add(kind)
        value = sample.facts[kind]
        if by_label:
            yield kind, _choose(ASKED[kind], draw).format(label=sample.label), value
        else:
            yield f"sample_by_{kind}", _choose(WHICH[kind], draw).format(value=value), sample.label


def stands_once(value: str, context: str) -> bool:
    """Say whether a value stands in a passage once, not as a part of another word or number.

    Examples:
        >>> stands_once("12", "12.5 and 12"), stands_once("5", "-5 or 15"), stands_once("phenol", "4-chlorophenol")
        (True, False, False)
    """
    whole = re.findall(rf"(?<![\w.,()\[\]-]){re.escape(value)}(?![\w,()\[\]-]|\.\w)", context)
    return len(whole) == 1


def _told(compound: Compound, count: int, draw: Draw) -> dict[str, str]:
    """Return the name and so many other facts, in the order of `FACTS`."""
    others = [kind for kind in FACTS if kind in compound.facts and kind != "name"]
    _shuffle(others, draw)
    return {kind: compound.facts[kind] for kind in FACTS if kind == "name" or kind in others[:count]}


def _labels(count: int, draw: Draw) -> list[str]:
    """Return different labels such as `KDVT`."""
    labels: dict[str, None] = {}
    while len(labels) < count:
        labels["".join(_choose(_LETTERS, draw) for _ in range(4))] = None
    return list(labels)


def _choose(items: Sequence[str], draw: Draw) -> str:
    return items[int(draw() * len(items))]


def _shuffle(items: list[Any], draw: Draw) -> None:
    """Bring a list into an order that is drawn."""
    for last in range(len(items) - 1, 0, -1):
        other = int(draw() * (last + 1))
        items[last], items[other] = items[other], items[last]
