from __future__ import annotations

import multiprocessing

import pytest

from callbacks.rows import notation_pool as module
from callbacks.rows.notation_pool import Judges
from datamodules.notations import smiles
from datamodules.workers.guarded_worker import GuardedWorker

TEXTS = ["C", "(", "C", "CCO", "c1ccccc1", "C1CC", "", "N#N"]


def reasons(judges: Judges, texts: list[str]) -> list[str | None]:
    results = judges.ask([("smiles", "invalid_reason", (text,)) for text in texts])
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
    monkeypatch.setattr(module, "_CHUNK", 2)
    judges = Judges(workers)
    judges.ask_ahead(("smiles", "invalid_reason", (text,)) for text in TEXTS[:3])
    assert reasons(judges, TEXTS) == [smiles.invalid_reason(text) for text in TEXTS]
    assert reasons(judges, TEXTS[::-1]) == [smiles.invalid_reason(text) for text in TEXTS[::-1]]
    assert sorted(asked) == sorted((text,) for text in set(TEXTS))


@pytest.mark.pitfall(16)
def test_a_question_that_takes_too_long_is_paid_for_once(asked):
    judges = Judges(1, timeout_s=1e-4)
    chain = "C" * 1000
    assert reasons(judges, [chain]) == ["timeout"]
    assert reasons(judges, [chain]) == ["timeout"]
    assert asked == [(chain,)]


def test_a_bad_question_is_an_error_and_the_next_one_is_answered():
    judges = Judges(1)
    with pytest.raises(ValueError, match="has no function 'no_such'"):
        judges.ask([("smiles", "no_such", ("C",))])
    assert reasons(judges, ["C"]) == [None]


def test_the_memory_is_bounded(asked, monkeypatch):
    monkeypatch.setattr(module, "_MOST_ANSWERS", 2)
    judges = Judges(1)
    reasons(judges, ["C", "CC", "CCC"])
    reasons(judges, ["O"])
    assert list(judges._answers) == [("smiles", "invalid_reason", ("O",))]


def test_a_forked_process_asks_children_of_its_own():
    judges = Judges(1)
    reasons(judges, ["C"])
    context = multiprocessing.get_context("fork")
    results = context.Queue()
    child = context.Process(target=lambda: results.put(reasons(judges, ["C", "("])))
    child.start()
    assert results.get(timeout=120) == [None, smiles.invalid_reason("(")]
    child.join(60)
    assert reasons(judges, ["("]) == [smiles.invalid_reason("(")]
