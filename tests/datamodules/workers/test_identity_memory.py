from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from datamodules.storage.text_columns import as_strings
from datamodules.workers import identity_memory
from datamodules.workers.identity_memory import IdentityMemory
from datamodules.workers.worker_pool import Answers, WorkerPool


class Counting(WorkerPool):
    """Answers in capital letters, fails for `bad`, and counts the texts."""

    def __init__(self) -> None:
        super().__init__()
        self.asked: list[str] = []

    def map(self, notation: str, function: str, texts: Any, numbers: Any = None) -> Answers:
        self.asked += texts.to_pylist()
        values = [None if text == "bad" else text.upper() for text in texts.to_pylist()]
        return Answers(
            as_strings(values), {place: "no" for place, value in enumerate(values) if value is None}
        )


@pytest.mark.parametrize("collide", [False, True])
def test_each_identity_is_asked_once(collide: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    if collide:
        monkeypatch.setattr(
            identity_memory, "hash_texts", lambda texts: np.full(len(list(texts)), 7, dtype=np.uint64)
        )
    pool = Counting()
    memory = IdentityMemory(pool)
    for part in (["a", "bad", "b"], [], ["c", "b", "bad"], ["d"], ["a", "b", "c", "d"]):
        answers = memory.map("smiles", "identity", as_strings(part))
        assert answers.or_else(as_strings(part)).to_pylist() == [
            text if text == "bad" else text.upper() for text in part
        ]
    memory.close()
    if not collide:
        assert pool.asked == ["a", "bad", "b", "c", "d"]


def test_notations_are_apart_and_other_calls_are_passed_on() -> None:
    pool = Counting()
    memory = IdentityMemory(pool)
    for notation, function in (("smiles", "identity"), ("selfies", "identity"), ("smiles", "normalize")):
        assert memory.map(notation, function, as_strings(["a"])).values.to_pylist() == ["A"]
    assert memory.map("smiles", "normalize", as_strings(["bad"])).errors == {0: "no"}
    assert pool.asked == ["a", "a", "a", "bad"]
    memory.close()
