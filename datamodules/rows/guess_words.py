"""Guesses of notations in words and as flags: what a column was taken for, and what to change if that is wrong."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Sequence
from typing import Any

from datamodules.choices import list_options
from datamodules.flag_tasks import join_columns
from datamodules.rows.guess_notations import Guess
from datamodules.sources.rows import shown

log = logging.getLogger(__name__)


def settings_of(guesses: Sequence[Guess]) -> dict[str, Any]:
    """Return the flags of the data that say what was guessed; those of several output columns are mappings.

    Examples:
        >>> settings_of([Guess("output", "toxic", "text", 9, 9, choices=("0", "1"))])
        {'output_notation': 'text', 'choices': ['0', '1']}
    """
    settings: dict[str, Any] = {
        f"{guess.side}_notation": guess.notation for guess in guesses if guess.side == "input"
    }
    outputs = {guess.column: guess for guess in guesses if guess.side == "output"}
    values: dict[str, dict[str, Any]] = {
        "output_notation": {column: guess.notation for column, guess in outputs.items()},
        "choices": {column: list(guess.choices) for column, guess in outputs.items() if guess.choices},
        "digits": {column: guess.digits for column, guess in outputs.items() if guess.digits is not None},
    }
    for name, by_column in values.items():
        if by_column:
            settings[name] = by_column if len(outputs) > 1 else next(iter(by_column.values()))
    if len(outputs) > 1:
        settings["output_notation"] = join_columns(
            f"{column}:{notation}" for column, notation in values["output_notation"].items()
        )
    return settings


def describe(guesses: Sequence[Guess]) -> str:
    """Return what the columns were taken for, and the flags that change it, as one line.

    Examples:
        >>> describe([Guess("output", "mol", "smiles", 200, 198, "smiles", 3, ("OCC", "CCO"))])
        "Guessed from the cells: 'mol' is smiles (198 of 200 cells; 3 rewritten, such as OCC to CCO). To change it: \
--data.output_notation NAME"
    """
    flags = ", ".join(dict.fromkeys(f"{guess.flag} NAME" for guess in guesses))
    if any(guess.choices for guess in guesses):
        flags += ", --data.choices none"
    return f"Guessed from the cells: {', '.join(map(_describe_one, guesses))}. To change it: {flags}"


def _describe_one(guess: Guess) -> str:
    taken = f"{guess.column!r} is {guess.notation}"
    if guess.choices:
        return f"{guess.column!r} is one of {len(guess.choices)} choices ({list_options(guess.choices)})"
    if guess.digits is not None:
        return f"{guess.column!r} is a number, rounded to {guess.digits} digits behind the point"
    if not guess.cells:
        why = "as several columns joined are" if "," in guess.column else "by its header: there are no cells"
        return f"{taken} ({why})"
    if guess.numbers:
        return f"{taken} ({100 * guess.numbers:.0f} % of the cells are numbers; {guess.flag} number sets the others aside)"
    if guess.notation == "text":
        return (
            f"{taken} ({guess.fitting} of {guess.cells} cells look like {guess.hint})"
            if guess.hint
            else taken
        )
    if guess.example is None:
        return f"{taken} ({guess.fitting} of {guess.cells} cells)"
    before, after = map(shown, guess.example)
    facts = (
        f"{guess.fitting} of {guess.cells} cells; {guess.rewritten} rewritten, such as {before} to {after}"
    )
    return f"{taken} ({facts})"


def blame(guesses: Sequence[Guess]) -> str:
    """Return which notations were guessed and the flags that change them, for an error; empty without guesses.

    Examples:
        >>> blame([Guess("output", "mol", "smiles", 200, 120)])
        " Guessed notations: 'mol' is smiles (--data.output_notation); text takes a column as it is."
    """
    taken = ", ".join(f"{guess.column!r} is {guess.notation} ({guess.flag})" for guess in guesses)
    return f" Guessed notations: {taken}; text takes a column as it is." if guesses else ""


def suspect(guesses: Iterable[Guess], reasons: Iterable[str]) -> list[Guess]:
    """Return the guesses of the columns that rows were set aside for: a reason begins with its column."""
    columns = {reason.partition(": ")[0] for reason in reasons}
    return [guess for guess in guesses if guess.column in columns]


def warn_of_guesses(guesses: Sequence[Guess], kept: int, total: int, reasons: Iterable[str]) -> None:
    """Name the guessed notations of the columns that most rows were skipped for."""
    if 2 * kept < total and (suspects := suspect(guesses, reasons)):
        log.warning("Only %s of %s rows can be used.%s", f"{kept:,}", f"{total:,}", blame(suspects))
