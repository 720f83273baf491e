from __future__ import annotations

import os
import signal
import threading
import time

import numpy as np
import pyarrow as pa
import pytest

from datamodules.notations import smiles
from datamodules.storage.text_columns import as_strings
from datamodules.workers import worker_pool
from datamodules.workers.worker_pool import WorkerPool

METHANES = [f"[{mass}CH4]" for mass in range(12, 212)]


def test_pool_map_equals_a_loop(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(worker_pool, "_CHUNK", 16)
    monkeypatch.setattr(worker_pool, "_TEXTS_A_WORKER", 50)
    texts = as_strings([*METHANES, "C1CC", "OCC", "", "CF=C", *METHANES])
    with WorkerPool(3) as pool:
        answers = pool.map("smiles", "normalize", texts)
        assert sum(worker._process is not None for worker in pool.workers) == 3
        spelled = pool.map("smiles", "randomize", as_strings(METHANES), np.arange(200))
    assert all(worker._process is None for worker in pool.workers)
    assert answers.errors == {
        200: "ValueError: unclosed ring",
        202: "ValueError: empty",
        203: "ValueError: valence",
    }
    expected = [
        None if row in answers.errors else smiles.normalize(text)
        for row, text in enumerate(texts.to_pylist())
    ]
    assert answers.values.to_pylist() == expected
    assert answers.or_else(texts).to_pylist() == [
        text if value is None else value for text, value in zip(texts.to_pylist(), expected, strict=True)
    ]
    assert spelled.values.to_pylist() == [smiles.randomize(text, seed) for seed, text in enumerate(METHANES)]


def test_pool_starts_one_worker_for_few_texts_and_none_for_none() -> None:
    with WorkerPool(2) as pool:
        assert len(pool.map("smiles", "normalize", as_strings([])).values) == 0
        assert all(worker._process is None for worker in pool.workers)
        pool.map("smiles", "normalize", as_strings(["OCC"]))
        assert [worker._process is not None for worker in pool.workers] == [True, False]


def test_pool_replaces_a_worker_that_is_killed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(worker_pool, "_TEXTS_A_WORKER", 500)
    texts = as_strings(METHANES * 20)
    with WorkerPool(2) as pool:
        pool.map("smiles", "normalize", texts[:1000])
        pids = [worker._process.pid for worker in pool.workers if worker._process is not None]
        assert len(pids) == 2
        killer = threading.Thread(target=lambda: (time.sleep(0.05), os.kill(pids[0], signal.SIGKILL)))
        killer.start()
        answers = pool.map("smiles", "normalize", texts)
        killer.join()
    assert len(answers.errors) <= 1
    assert set(answers.errors.values()) <= {"crashed"}
    expected = [smiles.normalize(text) for text in METHANES] * 20
    for row, value in enumerate(answers.values.to_pylist()):
        assert value == expected[row] or row in answers.errors


def test_pool_map_of_an_unknown_function_is_an_error() -> None:
    with WorkerPool(1) as pool, pytest.raises(ValueError, match="has no function 'nonsense'"):
        pool.map("smiles", "nonsense", as_strings(["C"]))


def test_pool_answers_are_arrow_strings_with_64_bit_offsets() -> None:
    with WorkerPool(1) as pool:
        assert pool.map("smiles", "normalize", as_strings(["OCC"])).values.type == pa.large_string()
