"""Infilling: what is taken out of a text, or damaged in it, and has to be answered.

    spans     CC(=O)Oc1ccccc1C(=O)O  ──►  CC(=O)O?C(=O)O    answer: c1ccccc1
    damage    CC(=O)Oc1ccccc1C(=O)O  ──►  CC(=O)Oc1cc=1C(=O)O    answer: the whole text

A gap begins and ends between the pieces of the text's notation, so never inside a bracket atom, an element or a part of a
name; the tokenizer has no say. What is drawn is a pure function of the text and a number: in training the row's own of the
epoch, in evaluation one made of the text, so that each run, whatever its seed and its other tasks, is asked the same.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from datamodules.notations.lookup import NOTATIONS, load_notation

KINDS = ("spans", "damage")
"""What a task's `mask` can be."""
MARK = "?"
"""Stands for the missing span. No SMILES or SELFIES holds it, and one token writes it."""
_ERRORS = 10
"""A damaged text has an error in each so many characters at most."""
_MASK = 2**64 - 1


class Masked(NamedTuple):
    """A text to complete."""

    shown: str
    answer: str


def check_kind(kind: str, notation: str) -> None:
    """Refuse what cannot be masked.

    Args:
        kind: The value of `mask`.
        notation: The texts' notation.

    Raises:
        ValueError: If there is no such kind, or the notation does not say where its texts may be cut.
    """
    if kind not in KINDS:
        raise ValueError(f"expected `mask` to be {' or '.join(KINDS)}, but got {kind!r}.")
    if kind == "spans" and not hasattr(load_notation(notation), "pieces"):
        able = [name for name in NOTATIONS if hasattr(load_notation(name), "pieces")]
        raise ValueError(
            f"`mask: spans` cuts texts between the pieces of their notation, and {notation!r} has none: use one of "
            f"{', '.join(able)}, or `mask: damage`."
        )


def mask_text(kind: str, notation: str, text: str, draw: int) -> Masked | None:
    """Return a text with something missing or wrong, and what has to be answered; None if it is too short for that.

    Args:
        kind: One of `KINDS`.
        notation: The text's notation.
        text: A whole text, without white space at its ends.
        draw: The number that determines what is masked.

    Examples:
        >>> mask_text("spans", "smiles", "CC(=O)Oc1ccccc1C(=O)O", draw=3)
        Masked(shown='CC(?c1ccccc1C(=O)O', answer='=O)O')
        >>> mask_text("damage", "smiles", "CC(=O)Oc1ccccc1C(=O)O", draw=3).answer
        'CC(=O)Oc1ccccc1C(=O)O'
        >>> mask_text("spans", "smiles", "C", draw=3) is None
        True
    """
    if kind == "damage":
        return _damage(text, draw)
    return _cut(load_notation(notation).pieces(text), draw)


def draw_of_text(text: str) -> int:
    """Return the number by which a text is masked in evaluation: a hash of it, in 64 bits."""
    return int.from_bytes(
        hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=8).digest(), "little"
    )


def find_gap(shown: str) -> tuple[str, str]:
    """Return what stands before and behind the gap of a masked text.

    Examples:
        >>> find_gap("c1ccccc1?C(=O)O")
        ('c1ccccc1', 'C(=O)O')
    """
    before, _, behind = shown.partition(MARK)
    return before, behind


def find_answer(kind: str, shown: str, text: str) -> str:
    """Return what has to be answered to a masked text.

    Args:
        kind: One of `KINDS`.
        shown: The masked text.
        text: The whole text; empty if nobody knows it.

    Examples:
        >>> find_answer("spans", "c1ccccc1?C(=O)O", "c1ccccc1CC(=O)O"), find_answer("spans", "c1ccccc1?C(=O)O", "")
        ('C', '')
    """
    if kind != "spans" or not text:
        return text
    before, behind = find_gap(shown)
    return text[len(before) : len(text) - len(behind)]


def why_no_gap(text: str) -> str | None:
    """Say why a text that somebody asks about has no gap to fill in; None if it has one.

    Examples:
        >>> why_no_gap("c1ccccc1?C(=O)O") is None, why_no_gap("CCO")
        (True, "expected one '?' in place of what is missing, but got none")
    """
    count = text.count(MARK)
    if count == 1:
        return None
    return f"expected one {MARK!r} in place of what is missing, but got {count or 'none'}"


def why_not_masked(text: str) -> str:
    """Say why `mask_text` returns None for a text.

    Examples:
        >>> why_not_masked("C"), why_not_masked("acid?")
        ('too short to mask a part of it', "holds '?', the mark of a gap")
    """
    return f"holds {MARK!r}, the mark of a gap" if MARK in text else "too short to mask a part of it"


def _cut(pieces: Sequence[str], draw: int) -> Masked | None:
    """Return a text without 1 to half of its pieces, and these; all lengths and then all places are equally probable.

    White space does not count as a piece, so no answer begins or ends with it: the ends of answers are stripped.
    """
    solid = [place for place, piece in enumerate(pieces) if not piece.isspace()]
    longest = len(solid) // 2
    if not longest or MARK in pieces:
        return None
    numbers = _draw_numbers(draw)
    length = 1 + next(numbers) % longest
    first = next(numbers) % (len(solid) - length + 1)
    start, end = solid[first], solid[first + length - 1] + 1
    return Masked("".join([*pieces[:start], MARK, *pieces[end:]]), "".join(pieces[start:end]))


def _damage(text: str, draw: int) -> Masked | None:
    """Return a text with characters replaced, dropped or inserted, one in ten at most; new ones are those of the text."""
    if len(text) < 2:
        return None
    numbers = _draw_numbers(draw)
    letters = sorted({letter for letter in text if not letter.isspace()})
    damaged = list(text)
    for _ in range(1 + next(numbers) % max(1, len(text) // _ERRORS)):
        place, letter = next(numbers) % len(damaged), letters[next(numbers) % len(letters)]
        kept, new = [(0, letter), (0, ""), (1, letter)][next(numbers) % 3]
        damaged[place : place + 1] = [*damaged[place : place + kept], *new]
        if len(damaged) < 2:
            break
    shown = "".join(damaged).strip()
    return Masked(text[:-1].rstrip() if shown in ("", text) else shown, text)


def _draw_numbers(seed: int) -> Iterator[int]:
    """Yield well-mixed numbers of 64 bits (SplitMix64, Steele et al. 2014): the same on all machines, for ever."""
    state = seed
    while True:
        state = (state + 0x9E3779B97F4A7C15) & _MASK
        number = ((state ^ (state >> 30)) * 0xBF58476D1CE4E5B9) & _MASK
        number = ((number ^ (number >> 27)) * 0x94D049BB133111EB) & _MASK
        yield number ^ (number >> 31)
