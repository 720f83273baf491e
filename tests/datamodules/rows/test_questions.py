from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest

from datamodules.rows.questions import hash_questions, take_shard
from datamodules.sources.rows import SetAside
from datamodules.tasks import Side, Task
from datamodules.tokens.examples import Encoded


@pytest.mark.parametrize("count", [1, 3, 7, 16, 40])
def test_shards_are_all_lines_once_in_their_order(count: int) -> None:
    lines = np.random.default_rng(0).permutation(np.arange(2, 35))
    shards = [take_shard(lines, f"{number}/{count}") for number in range(1, count + 1)]
    assert np.concatenate(shards).tolist() == list(range(2, 35))
    assert max(map(len, shards)) - min(map(len, shards)) <= 1


def test_hash_changes_with_whatever_is_asked() -> None:
    def make(cell: str = "x", ids: int = 1, asked: int = 0, reason: str = "r", notation: str = "text") -> str:
        encoded = Encoded(np.array([ids, 2]), np.array([0, 2]), np.array([2]))
        task = Task("t", Side("a", "text"), Side("b", notation))
        aside = [SetAside("f", 3, reason, "\udc80")]
        return hash_questions(pa.table({"a": [cell]}), np.array([2]), encoded, np.array([asked]), aside, task)

    found = [make(), make(cell="y"), make(ids=3), make(asked=1), make(reason="s"), make(notation="smiles")]
    assert len(set(found)) == len(found)
    assert make() == found[0]
