"""Choose each row's phrasing and spelling in an epoch, for many rows at once.

The choice is a pure function of (seed, epoch, row), so it depends on no worker, rank or clock.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Literal, NamedTuple

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from datamodules.choices import show_options
from datamodules.formats import Query
from datamodules.infilling import Masked, find_answer, mask_text
from datamodules.notations.lookup import load_notation
from datamodules.rows.task_rows import TaskRows
from datamodules.storage.text_columns import TextColumn, as_strings
from datamodules.tasks import Task
from datamodules.workers.worker_pool import WorkerPool

BASE = -1
"""The epoch in which nothing varies: first phrasing, first spelling. Evaluation always uses it."""

Phrasings = Literal["all", "first", "others"]

_SPELLINGS_IN_PROCESS = 2_000  # starting a worker takes as long as writing about this many


def mix(seed: int, epoch: int, rows: NDArray[np.int64]) -> NDArray[np.uint64]:
    """Return one well-mixed number per row, a pure function of (seed, epoch, row) (SplitMix64, Steele et al. 2014).

    Args:
        seed: Any integer.
        epoch: 0 or above.
        rows: (N,) row numbers.

    Examples:
        >>> rows = np.arange(3)
        >>> bool((mix(0, 1, rows) == mix(0, 1, rows)).all()), bool((mix(0, 1, rows) == mix(0, 2, rows)).any())
        (True, False)
    """
    with np.errstate(over="ignore"):
        state = rows.astype(np.uint64) + np.uint64(seed % 2**32) * np.uint64(0x9E3779B97F4A7C15)
        state = state * np.uint64(0xD1342543DE82EF95) + np.uint64(epoch + 1) * np.uint64(0xBF58476D1CE4E5B9)
        for shift, factor in ((30, 0xBF58476D1CE4E5B9), (27, 0x94D049BB133111EB)):
            state = (state ^ (state >> np.uint64(shift))) * np.uint64(factor)
        return state ^ (state >> np.uint64(31))


class Variants(NamedTuple):
    """The phrasings and texts of N rows of one task."""

    instructions: NDArray[np.int64]
    """(N,) the indices of the phrasings."""
    inputs: TextColumn
    outputs: TextColumn
    conditions: TextColumn
    """Empty strings where the task has none."""


def ask(task: Task, text: str = "", instruction: int = 0, condition: str | None = None) -> Query:
    """Return the question about a text, in one of the task's phrasings and, by default, in the condition it is asked in."""
    if condition is None:
        condition = task.condition.ask if task.condition else ""
    return Query(task.instructions[instruction], text, *labels_of(task), condition)


def labels_of(task: Task) -> tuple[str, str]:
    """Return the labels of a task's input and output in formats."""
    return task.input.label or task.input.column, task.output.label or task.output.column


def choose_variants(
    part: TaskRows, places: NDArray[np.int64], draws: NDArray[np.uint64], epoch: int, phrasings: Phrasings
) -> Variants:
    """Return the phrasings and texts of some rows of one part in an epoch.

    Args:
        part: The rows of one task.
        places: (N,) the rows' positions in `part`.
        draws: (N,) the rows' numbers from `mix`.
        epoch: The epoch, or `BASE`.
        phrasings: `all` draws a phrasing per row, `first` always takes the first, `others` draws any but the first.
    """
    mask = part.task.input.mask
    instructions = np.zeros(len(places), dtype=np.int64)
    inputs = (part.outputs if mask and epoch != BASE else part.inputs).take(places)
    if epoch != BASE:
        if phrasings == "all":
            instructions = (draws % np.uint64(len(part.task.instructions))).astype(np.int64)
        elif phrasings == "others":
            instructions = (draws % np.uint64(len(part.task.instructions) - 1)).astype(np.int64) + 1
        if len(part.alternatives.values):
            inputs = _draw_alternatives(part, inputs, places, draws)
    if part.task.input.randomize and (epoch != BASE or not mask):
        inputs = _spell_randomly(part.task.input.notation, inputs, draws)
    if part.task.choices is not None and part.task.choices.shown:
        inputs = _show_options(part, places, inputs, None if epoch == BASE else draws)
    conditions = part.conditions
    if conditions is None:
        conditions = TextColumn(as_strings([""]), np.zeros(len(part), dtype=np.int32))
    outputs = part.outputs.take(places)
    if mask:
        inputs, outputs = _mask(part, places, inputs, None if epoch == BASE else draws)
    return Variants(instructions, inputs, outputs, conditions.take(places))


def _mask(
    part: TaskRows, places: NDArray[np.int64], texts: TextColumn, draws: NDArray[np.uint64] | None
) -> tuple[TextColumn, TextColumn]:
    """Return the inputs and outputs of rows with something to fill in.

    Args:
        part: The rows of the task.
        places: (N,) the rows' positions in `part`.
        texts: (N,) whole texts, each to be masked as its row's number determines; without numbers, texts masked already.
        draws: (N,) the rows' numbers. A text that cannot be masked is replaced by the row's own of each evaluation.
    """
    side = part.task.input
    inputs, outputs = [], []
    numbers = [None] * len(places) if draws is None else draws.tolist()
    for place, text, number in zip(places.tolist(), texts, numbers, strict=True):
        masked = None if number is None else mask_text(side.mask, side.notation, text, number)
        if masked is None:
            shown = part.inputs[place]
            masked = Masked(shown, find_answer(side.mask, shown, part.outputs[place]))
        inputs.append(masked.shown)
        outputs.append(masked.answer)
    return TextColumn.of(inputs), TextColumn.of(outputs)


def _show_options(
    part: TaskRows, places: NDArray[np.int64], inputs: TextColumn, draws: NDArray[np.uint64] | None
) -> TextColumn:
    """Return each row's input with its options behind it, in the order that its number determines.

    Without numbers the options of a task stand as it lists them, which may be an order of theirs, and those of a row's own in the
    order of the alphabet: in which order a table holds them then changes no answer.
    """
    texts, own = [], part.task.choices is not None and part.task.choices.column is not None
    for number, (place, text) in enumerate(zip(places.tolist(), inputs, strict=True)):
        options = part.options(place)
        if draws is not None:
            order = np.random.default_rng(int(draws[number])).permutation(len(options))
            options = tuple(options[one] for one in order.tolist())
        elif own:
            options = tuple(sorted(options))
        texts.append(show_options(text, options))
    return TextColumn.of(texts)


def _draw_alternatives(
    part: TaskRows, own: TextColumn, places: NDArray[np.int64], draws: NDArray[np.uint64]
) -> TextColumn:
    """Return one input per row: its own or one of its alternatives, all with equal probability."""
    counts = part.alternatives.lengths[places]
    numbers = ((draws >> np.uint64(16)) % (counts + 1).astype(np.uint64)).astype(np.int64)
    other = np.flatnonzero(numbers)
    spots = part.alternatives.offsets[places[other]] + numbers[other] - 1
    drawn = TextColumn.of(part.alternatives.values.take(pa.array(spots)))
    codes = own.codes.copy()
    codes[other] = drawn.codes + len(own.values)
    return TextColumn(pa.concat_arrays([own.values, drawn.values]), codes)


def _spell_randomly(notation: str, inputs: TextColumn, draws: NDArray[np.uint64]) -> TextColumn:
    """Return each row's molecule in the random spelling that its number determines."""
    seeds = ((draws >> np.uint64(32)) & np.uint64(0x7FFFFFFF)).astype(np.int64)
    texts = as_strings(inputs)
    if len(texts) < _SPELLINGS_IN_PROCESS:
        randomize = load_notation(notation).randomize
        return TextColumn.of(
            [randomize(text, seed) for text, seed in zip(texts.to_pylist(), seeds.tolist(), strict=True)]
        )
    with WorkerPool() as pool:
        return TextColumn.of(pool.map(notation, "randomize", texts, seeds).or_else(texts))


def lay_out(
    column: TextColumn,
    choices: NDArray[np.int64],
    functions: Sequence[Callable[[pa.LargeStringArray], pa.LargeStringArray]],
) -> TextColumn:
    """Apply to each row's text the function chosen for the row, once per distinct pair of text and function.

    Args:
        column: (N,) texts.
        choices: (N,) the index in `functions` of each row's function.
        functions: Each turns an array of texts into an array of the same length.
    """
    values, codes = [as_strings([])], np.zeros(len(column), dtype=np.int32)
    start = 0
    for number, function in enumerate(functions):
        rows = np.flatnonzero(choices == number)
        if len(rows):
            texts = column.take(rows)
            values.append(as_strings(function(texts.values)))
            codes[rows] = texts.codes + start
            start += len(texts.values)
    return TextColumn(pa.concat_arrays(values), codes)
