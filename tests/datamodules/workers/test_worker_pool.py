from __future__ import annotations

import multiprocessing
import os
import pickle
import signal
import threading
import time

import numpy as np
import pyarrow as pa
import pytest

from datamodules.notations import smiles
from datamodules.storage.text_columns import as_strings
from datamodules.workers import worker_pool
from datamodules.workers.guarded_worker import GuardedWorker
from datamodules.workers.worker_pool import WorkerPool

METHANES = [f"[{mass}CH4]" for mass in range(12, 212)]
TEXTS = ["C", "(", "C", "CCO", "c1ccccc1", "C1CC", "", "N#N"]


def test_pool_map_equals_a_loop(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(worker_pool, "_TEXTS_A_REQUEST", 16)
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


def reasons(pool: WorkerPool, texts: list[str]) -> list[str | None]:
    results = pool.ask([("smiles", "invalid_reason", (text,)) for text in texts])
    return [result.error or result.value for result in results]


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, ...]]:
    """The arguments of all calls that reach a worker."""
    calls: list[tuple[str, ...]] = []
    plain = GuardedWorker.map

    def listen(self, notation, function, arguments):
        calls.extend(tuple(items) for items in arguments)
        return plain(self, notation, function, arguments)

    monkeypatch.setattr(GuardedWorker, "map", listen)
    return calls


@pytest.mark.parametrize("workers", [1, 2])
def test_answers_are_those_of_a_loop_and_each_question_is_asked_once(workers, asked, monkeypatch):
    monkeypatch.setattr(worker_pool, "_QUESTIONS_A_JOB", 2)
    pool = WorkerPool(workers)
    pool.ask_ahead(("smiles", "invalid_reason", (text,)) for text in TEXTS[:3])
    assert reasons(pool, TEXTS) == [smiles.invalid_reason(text) for text in TEXTS]
    assert reasons(pool, TEXTS[::-1]) == [smiles.invalid_reason(text) for text in TEXTS[::-1]]
    assert sorted(asked) == sorted((text,) for text in set(TEXTS))


@pytest.mark.pitfall(16)
def test_a_question_that_takes_too_long_is_paid_for_once(asked):
    pool = WorkerPool(1, timeout_s=1e-4)
    chain = "C" * 1000
    assert reasons(pool, [chain]) == ["timeout"]
    assert reasons(pool, [chain]) == ["timeout"]
    assert asked == [(chain,)]


def test_a_bad_question_is_an_error_and_the_next_one_is_answered():
    pool = WorkerPool(1)
    with pytest.raises(ValueError, match="has no function 'no_such'"):
        pool.ask([("smiles", "no_such", ("C",))])
    assert reasons(pool, ["C"]) == [None]


def test_the_memory_is_bounded(asked, monkeypatch):
    monkeypatch.setattr(worker_pool, "_MOST_ANSWERS", 2)
    pool = WorkerPool(1)
    reasons(pool, ["C", "CC", "CCC"])
    reasons(pool, ["O"])
    assert list(pool._answers) == [("smiles", "invalid_reason", ("O",))]


def test_a_forked_process_asks_children_of_its_own():
    pool = WorkerPool(1)
    reasons(pool, ["C"])
    context = multiprocessing.get_context("fork")
    results = context.Queue()
    child = context.Process(target=lambda: results.put(reasons(pool, ["C", "("])))
    child.start()
    assert results.get(timeout=60) == [None, smiles.invalid_reason("(")]
    child.join(60)
    assert reasons(pool, ["("]) == [smiles.invalid_reason("(")]


def test_answers_outlive_the_children_and_a_copy_begins_anew(asked):
    with WorkerPool(2) as pool:
        assert reasons(pool, ["C"]) == [None]
        assert [worker._process is not None for worker in pool.workers] == [True, False]
        [process] = [worker._process for worker in pool.workers if worker._process is not None]
    assert process.returncode is not None
    assert reasons(pool, ["C"]) == [None]
    assert asked == [("C",)]
    copy = pickle.loads(pickle.dumps(pool))
    assert reasons(copy, ["C"]) == [None]
    assert asked == [("C",), ("C",)]
    for one in (pool, copy):
        one.close()


def test_questions_ahead_and_columns_take_turns():
    with WorkerPool(1) as pool:
        pool.ask_ahead(("smiles", "invalid_reason", (text,)) for text in METHANES)
        answers = pool.map("smiles", "normalize", as_strings(METHANES))
        assert answers.values.to_pylist() == [smiles.normalize(text) for text in METHANES]
        assert reasons(pool, METHANES) == [None] * len(METHANES)
