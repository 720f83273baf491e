"""The rows of tasks with `mask`: as an evaluation asks them, and as somebody asks who has a gap of their own to fill in."""

from __future__ import annotations

from dataclasses import replace

from datamodules.infilling import draw_of_text, mask_text, why_no_gap, why_not_masked
from datamodules.storage.text_columns import TextColumn
from datamodules.tasks import Side


def as_asked(side: Side) -> Side:
    """Return the side that reads the texts somebody asks about: they stand in no notation, and are asked as they stand."""
    return replace(side, notation=side.shown_notation, convert_from=None if side.mask else side.convert_from)


def mask_column(side: Side, texts: TextColumn) -> tuple[TextColumn, dict[int, str]]:
    """Return whole texts masked as in each evaluation, and why some cannot be, by their places.

    Args:
        side: The input that is masked.
        texts: (N,) the texts in the side's notation.

    Examples:
        >>> shown, reasons = mask_column(Side("mol", "smiles", mask="spans"), TextColumn.of(["c1ccccc1O", "C"]))
        >>> list(shown), reasons
        (['c?ccccc1O', ''], {1: 'mol: too short to mask a part of it'})
    """
    masked = [
        mask_text(side.mask, side.notation, text, draw_of_text(text)) for text in texts.values.to_pylist()
    ]
    shown = TextColumn.of([one.shown if one else "" for one in masked])
    bad = [place for place, code in enumerate(texts.codes.tolist()) if masked[code] is None]
    reasons = {place: f"{side.column}: {why_not_masked(texts[place])}" for place in bad}
    return TextColumn(shown.values, shown.codes[texts.codes]), reasons


def find_without_gap(side: Side, texts: TextColumn) -> dict[int, str]:
    """Return why texts that somebody asks about cannot be asked, by their places: they have no gap to fill in.

    Examples:
        >>> find_without_gap(Side("mol", "smiles", mask="spans"), TextColumn.of(["c1ccccc1?O", "C"]))
        {1: "mol: expected one '?' in place of what is missing, but got none"}
    """
    if side.mask != "spans":
        return {}
    reasons = ((place, why_no_gap(text)) for place, text in enumerate(texts))
    return {place: f"{side.column}: {why}" for place, why in reasons if why}
