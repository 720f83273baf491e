"""Predictions as the page shows them, and their molecules as small SVGs."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from callbacks.loggers.terminal_text import printable
from callbacks.reports.page.tally import Line, find_kind, find_outcome
from callbacks.rows.drawing import LONGEST
from callbacks.rows.notation_calls import NotationCalls
from callbacks.rows.outcomes import find_kind as find_task_kind
from callbacks.rows.outcomes import word_outcome

LONGEST_TEXT = 600
"""Most characters of a shown text; the middle of a longer one is left out."""
WIDTH, HEIGHT = 220, 140

_PATH = re.compile(r"<path [^>]*?\bd='([MLQCZ0-9.,\s-]+)'[^>]*?\bstyle='([^']*)'[^>]*?>")
_FILLED_PATH = re.compile(r"<path [^>]*?\bd='([MLQCZ0-9.,\s-]+)'[^>]*?\bfill='(#[0-9A-F]{6})'[^>]*?>")
_COLOUR = {name: re.compile(rf"\b{name}:(#[0-9A-F]{{6}})") for name in ("fill", "stroke")}
_READABLE = {
    "#000000": "", "#0000FF": "#4f7df0", "#4284F4": "#4f7df0", "#FF0000": "#e0473c", "#33CCCC": "#2ba8a8", "#00CC00": "#2e9e4f",
    "#CCCC00": "#a8961a", "#7F4C19": "#b07a3c", "#A01EEF": "#b060ee", "#FF7F00": "#e0822a",
}  # fmt: skip
"""RDKit's colours of elements, and those that can be read on light and dark ground; empty for the text's."""
_WIDTH = re.compile(r"\bstroke-width:([0-9.]+)")


class Picture(NamedTuple):
    """A molecule: what it is of, and the paths of its SVG."""

    label: str
    paths: Sequence[tuple[str, str, str, str]]
    """Of each path the lines, the colour of lines, their width, and the colour of areas; colours may be empty."""


class Shown(NamedTuple):
    """A prediction as the page shows it."""

    row: str
    task: str
    kind: str
    outcome: str
    meaning: str
    """The outcome in words."""
    input: str
    target: str
    prediction: str
    probability: float | None
    reason: str
    pictures: Sequence[Picture]


def describe_outcome(name: str, row: Line) -> str:
    """Return an outcome in words, as answers of a row's task have it.

    Args:
        name: The outcome, or the verdict where no outcome was decided.
        row: A row of the task in the table of predictions.

    Examples:
        >>> describe_outcome("invalid", {"output_notation": "iupac", "same_round_trip": "false"})
        'not read by OPSIN'
    """
    has_choices = any(cell for column, cell in row.items() if column.startswith("p_"))
    by_opsin = row["output_notation"] == "iupac" and bool(row.get("same_round_trip"))
    return word_outcome(name, find_task_kind(row["output_notation"], has_choices), by_opsin)


def show_rows(rows: Sequence[Line], calls: NotationCalls) -> list[Shown]:
    """Return rows as the page shows them, with the pictures of the molecule that was asked for and of the answered one."""
    wanted = [_find_molecules(row) for row in rows]
    drawn = draw_molecules([one for molecules in wanted for one in molecules.values()], calls)
    return [
        Shown(
            row=row["row"],
            task=row["task"],
            kind=find_kind(row),
            outcome=find_outcome(row),
            meaning=describe_outcome(find_outcome(row), row),
            input=shorten(row["input"]),
            target=shorten(row["target"]),
            prediction=shorten(row["prediction"]),
            probability=math.exp(float(row["score"])) if row.get("score") else None,
            reason=shorten(row.get("reason", "")),
            pictures=[Picture(label, drawn[one]) for label, one in molecules.items() if drawn[one]],
        )
        for row, molecules in zip(rows, wanted, strict=True)
    ]


def _find_molecules(row: Line) -> dict[str, tuple[str, str]]:
    """Return (notation, text) of the molecules to draw, by label: the asked one, and the answered one if it is another."""
    asked = next(
        (
            (notation, text)
            for notation, text in (
                (row["input_notation"], row["input"]),
                (row["output_notation"], row["target"]),
                ("smiles", row.get("asked_for", "")),
            )
            if _is_drawn(notation, text)
        ),
        None,
    )
    kind = find_kind(row)
    if kind == "right":
        return {"asked and answered": asked} if asked else {}
    own = (row["output_notation"], row["prediction"])
    answered = own if kind != "invalid" and _is_drawn(*own) else ("smiles", row.get("read_as", ""))
    molecules = {"asked": asked, "answered": answered if _is_drawn(*answered) else None}
    return {label: one for label, one in molecules.items() if one}


def _is_drawn(notation: str, text: str) -> bool:
    return 0 < len(text) <= LONGEST.get(notation, 0)


def draw_molecules(
    wanted: Iterable[tuple[str, str]], calls: NotationCalls
) -> dict[tuple[str, str], list[tuple[str, str, str, str]]]:
    """Return the paths of molecules by (notation, text); none for one that cannot be drawn in time.

    A guarded child process draws, since a model's answer may take RDKit long or crash it.
    """
    every = list(dict.fromkeys(wanted))
    selfies = [text for notation, text in every if notation == "selfies"]
    read = calls.call("selfies", "to_smiles", [(text,) for text in selfies])
    smiles = {("selfies", text): result.value or "" for text, result in zip(selfies, read, strict=True)}
    texts = [smiles.get(one, one[1]) for one in every]
    pictures = calls.draw([text for text in dict.fromkeys(texts) if text], WIDTH, HEIGHT)
    return {one: compress(pictures.get(text) or "") for one, text in zip(every, texts, strict=True)}


def compress(svg: str) -> list[tuple[str, str, str, str]]:
    """Return the paths of RDKit's SVG, those of one look in one: a third of its size. Nothing else of it is kept.

    Black is left out: the page draws it in the colour of its text.
    """
    looks: dict[tuple[str, str, str], list[str]] = {}
    for path, style in _PATH.findall(svg):
        found = {name: pattern.search(style) for name, pattern in _COLOUR.items()}
        stroke, fill = (match[1] if (match := found[name]) else "none" for name in ("stroke", "fill"))
        width = match[1] if (match := _WIDTH.search(style)) and stroke != "none" else ""
        looks.setdefault((stroke, width, fill), []).append(path)
    for path, fill in _FILLED_PATH.findall(svg):
        looks.setdefault(("none", "", fill), []).append(path)
    return [
        ("".join(_shorten_path(path) for path in paths), _adapt(stroke), width, _adapt(fill))
        for (stroke, width, fill), paths in looks.items()
    ]


def _shorten_path(path: str) -> str:
    return re.sub(r"\s*([MLQCZ])\s*", r"\1", path).strip()


def _adapt(colour: str) -> str:
    """Return a colour that can be read on light and dark ground."""
    return _READABLE.get(colour, colour)


def shorten(text: str, longest: int = LONGEST_TEXT) -> str:
    r"""Return a text cut in the middle if it is too long, with control characters and what no file can hold as `?`.

    Examples:
        >>> shorten("2-acetyloxybenzoic acid", longest=13), shorten("a\0b\ud800")
        ('2-acet…c acid', 'a?b?')
    """
    half = (longest - 1) // 2
    text = text if len(text) <= longest else f"{text[:half]}…{text[-half:]}"
    return printable(text)
