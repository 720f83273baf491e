"""What a task's kind makes of its output column: choices that a row allows, numbers rounded to the task's digits."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from functools import reduce

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from configs.lookup import find_name
from datamodules.choices import Choices, list_options
from datamodules.notations.number import is_valid, round_to
from datamodules.sources.rows import Rows
from datamodules.storage.text_columns import TextColumn, TextLists, as_strings
from datamodules.tasks import Side

SEPARATOR = "|"
"""Stands between the choices of a row in a cell."""


def round_numbers(side: Side, outputs: TextColumn) -> TextColumn:
    """Return outputs with the side's digits; those that are no numbers stay as they are.

    Examples:
        >>> list(round_numbers(Side("x", "number", digits=1), TextColumn.of(["1.26", "2", "n. a."])))
        ['1.3', '2.0', 'n. a.']
    """
    if side.digits is None or side.notation != "number":
        return outputs
    digits = side.digits
    return outputs.map(
        lambda texts: [round_to(text, digits) if is_valid(text) else text for text in texts.to_pylist()]
    )


def split_answers(side: Side, column: TextColumn | TextLists) -> TextColumn | TextLists:
    """Return a column's right answers: lists where its cells are lists or the side has a separator.

    Examples:
        >>> lists = split_answers(Side("answers", separator="|"), TextColumn.of(["cat | a cat", "dog"]))
        >>> [lists[0], lists[1]]
        [['cat', 'a cat'], ['dog']]
    """
    if isinstance(column, TextLists) or not side.separator:
        return column
    split = [
        [part.strip() for part in text.split(side.separator) if part.strip()]
        for text in column.values.to_pylist()
    ]
    return TextLists.of(split).take(column.codes.astype(np.int64))


def _split_cell(cell: str | None) -> list[str]:
    """Return the options in a cell: a JSON list of texts, or what stands between bars.

    Examples:
        >>> _split_cell("a | b"), _split_cell('["a|b", "c"]'), _split_cell("[C]|[N]"), _split_cell(None)
        (['a ', ' b'], ['a|b', 'c'], ['[C]', '[N]'], [''])
    """
    text = cell or ""
    if text.lstrip().startswith('["'):
        try:
            found = json.loads(text)
        except ValueError:
            found = None
        if isinstance(found, list) and all(isinstance(one, str) for one in found):
            return found
    return text.split(SEPARATOR)


def read_choices(rows: Rows, choices: Choices | None) -> TextLists | None:
    """Return each row's own choices, N lists, or None if all rows have the same.

    Raises:
        ValueError: If there is no such column.
    """
    if choices is None or choices.column is None:
        return None
    found = find_name(choices.column, rows.table.column_names)
    if found is None:
        raise ValueError(
            f"choices: {choices.column!r} is not a column of {rows.file} (columns: {', '.join(rows.table.column_names)})."
        )
    column = rows.table.column(found)
    if not (pa.types.is_list(column.type) or pa.types.is_large_list(column.type)):
        cells = [_split_cell(cell) for cell in column.cast(pa.large_string()).to_pylist()]
        column = pa.chunked_array([cells], pa.large_list(pa.large_string()))
    lists = TextLists.of_arrow(column)
    return TextLists(lists.offsets, pc.utf8_trim_whitespace(as_strings(lists.values)))


def check_choices(
    choices: Choices | None, own: TextLists | None, column: str, outputs: TextColumn | None, count: int
) -> dict[int, str]:
    """Return why rows cannot be used, by place: too few choices, or an answer that is not among them.

    Args:
        choices: The task's choices.
        own: Each row's own choices, if they have their own.
        column: The output column.
        outputs: The right answers, where they are known.
        count: The number of rows.

    Examples:
        >>> check_choices(Choices(("0", "1")), None, "toxic", TextColumn.of(["0", "maybe"]), 2)
        {1: "toxic: 'maybe' is not one of the choices (0, 1)"}
    """
    if choices is None:
        return {}
    if own is None:
        if outputs is None:
            return {}
        known = pa.array(choices.options, pa.large_string())
        bad = ~pc.is_in(outputs.values, known).to_numpy(zero_copy_only=False)[outputs.codes]
        return {
            place: f"{column}: {outputs[place]!r} is not one of the choices ({list_options(choices.options)})"
            for place in np.flatnonzero(bad).tolist()
        }
    reasons = {}
    for place in range(count):
        options = own[place]
        if len(set(options)) < max(2, len(options)) or not all(options):
            reasons[place] = f"{choices.column}: expected two or more different choices"
        elif outputs is not None and outputs[place] not in options:
            reasons[place] = (
                f"{column}: {outputs[place]!r} is not one of the choices ({list_options(options)})"
            )
    return reasons


def fill_template(template: str, columns: Mapping[str, pa.LargeStringArray]) -> pa.LargeStringArray:
    """Return a text a row: the template with a column's text in place of its name in braces; empty where all columns are.

    Examples:
        >>> columns = {"context": as_strings(["It rains.", ""]), "question": as_strings(["What?", ""])}
        >>> fill_template("{context} Q: {question}", columns).to_pylist()
        ['It rains. Q: What?', '']
    """
    pieces = re.split("(" + "|".join(re.escape(f"{{{name}}}") for name in columns) + ")", template)
    values = [
        columns[piece[1:-1]] if piece[1:-1] in columns and piece[:1] == "{" else piece for piece in pieces
    ]
    scalars = [pa.scalar(value, pa.large_string()) if isinstance(value, str) else value for value in values]
    filled = pc.binary_join_element_wise(*scalars, pa.scalar("", pa.large_string()))
    empty = reduce(pc.and_, (pc.equal(texts, "") for texts in columns.values()))
    return pc.if_else(empty, "", filled)


def locate_cells(
    template: str, columns: Mapping[str, pa.LargeStringArray], filled: pa.LargeStringArray
) -> NDArray[np.int64]:
    """Return where each column's text begins and ends in the filled templates without white space at their ends, (N, C, 2).

    Args:
        template: As for `fill_template`; of a column that it names twice, the first place counts.
        columns: C columns.
        filled: What `fill_template` made of them.

    Examples:
        >>> columns = {"context": as_strings(["It rains."]), "question": as_strings(["What?"])}
        >>> filled = fill_template("{context} Q: {question}", columns)
        >>> locate_cells("{context} Q: {question}", columns, filled).tolist()
        [[[0, 9], [13, 18]]]
    """
    lengths = {name: _count_letters(texts) for name, texts in columns.items()}
    places = np.zeros((len(filled), len(columns), 2), dtype=np.int64)
    at, found = np.zeros(len(filled), dtype=np.int64), dict[str, int]()
    for piece in re.split("(" + "|".join(re.escape(f"{{{name}}}") for name in columns) + ")", template):
        name = piece[1:-1]
        if piece[:1] != "{" or name not in columns:
            at = at + len(piece)
            continue
        if name not in found:
            found[name] = list(columns).index(name)
            places[:, found[name]] = np.stack([at, at + lengths[name]], axis=1)
        at = at + lengths[name]
    before = _count_letters(filled) - _count_letters(pc.utf8_ltrim_whitespace(filled))
    inside = _count_letters(pc.utf8_trim_whitespace(filled))
    return np.clip(places - before[:, None, None], 0, inside[:, None, None])


def _count_letters(texts: pa.LargeStringArray) -> NDArray[np.int64]:
    counts: NDArray[np.int64] = pc.utf8_length(texts).to_numpy(zero_copy_only=False).astype(np.int64)
    return counts
