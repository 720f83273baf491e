"""Which rows of the file to predict are asked, and a hash of all that is asked."""

from __future__ import annotations

import hashlib

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from datamodules.limits import parse_shard
from datamodules.sources.rows import SetAside
from datamodules.tasks import Task
from datamodules.tokens.examples import Encoded

_TOGETHER = 65_536
"""Rows that are copied at once while a table is hashed."""


def take_shard(lines: NDArray[np.int64], shard: str) -> NDArray[np.int64]:
    """Return the lines of a shard, ascending: with 3/16 the third sixteenth of all lines; sizes differ by one at most.

    Args:
        lines: The lines of all rows, in any order.
        shard: Its number and the number of shards.

    Examples:
        >>> [take_shard(np.array([9, 2, 3, 4, 5]), shard).tolist() for shard in ("1/2", "2/2")]
        [[2, 3], [4, 5, 9]]
    """
    number, count = parse_shard(shard)
    return np.sort(lines)[len(lines) * (number - 1) // count : len(lines) * number // count]


def hash_questions(
    table: pa.Table,
    lines: NDArray[np.int64],
    encoded: Encoded,
    asked: NDArray[np.int64],
    aside: list[SetAside],
    task: Task,
) -> str:
    """Return a hash of everything that is asked.

    Args:
        table: The file's rows with all columns.
        lines: Their lines.
        encoded: The prompts.
        asked: Which of them are asked.
        aside: The rows that are not.
        task: How they are asked and checked.
    """
    state = hashlib.blake2b(digest_size=16)
    for batch in table.to_batches(max_chunksize=_TOGETHER):
        state.update(batch.serialize())
    for values in (lines, encoded.ids, encoded.offsets, asked):
        state.update(np.ascontiguousarray(values).data)
    for row in aside:
        state.update(repr((row.line, row.reason, row.text)).encode("utf-8", "backslashreplace"))
    state.update(repr(task).encode("utf-8", "backslashreplace"))
    return state.hexdigest()
