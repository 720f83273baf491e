from __future__ import annotations

import pytest

from callbacks import notation_calls
from datamodules.notations.worker import GuardedWorker, Result


@pytest.fixture
def fresh(monkeypatch):
    """No remembered answers, and a count of the calls that reach the worker."""
    asked = []
    monkeypatch.setattr(notation_calls, "_answers", {})
    worker = notation_calls._worker

    class Counting:
        def map(self, notation, function, arguments):
            asked.extend(arguments)
            return worker.map(notation, function, arguments)

    monkeypatch.setattr(notation_calls, "_worker", Counting())
    return asked


def test_each_distinct_call_is_asked_once_and_order_is_kept(fresh):
    assert notation_calls.invalid_reasons("smiles", ["C", "(", "C"]) == [
        None,
        notation_calls.call("smiles", "invalid_reason", [("(",)])[0].value,
        None,
    ]
    assert fresh == [("C",), ("(",)]


@pytest.mark.pitfall(16)
def test_a_call_that_takes_too_long_is_invalid_and_is_paid_for_once(monkeypatch):
    monkeypatch.setattr(notation_calls, "_answers", {})
    chain = "C" * 1000
    with GuardedWorker(timeout_s=1e-4) as worker:
        monkeypatch.setattr(notation_calls, "_worker", worker)
        assert notation_calls.invalid_reasons("smiles", [chain]) == ["timeout"]
        monkeypatch.setattr(worker, "map", lambda *_: pytest.fail("asked again"))
        assert notation_calls.invalid_reasons("smiles", [chain]) == ["timeout"]


def test_what_cannot_be_judged_is_wrong_but_equal_text_stays_equal(monkeypatch):
    monkeypatch.setattr(notation_calls, "call", lambda *_: [Result(None, "crashed"), Result(None, "timeout")])
    first, second = notation_calls.same("smiles", [("CC", "CC"), ("CC", "CCC")])
    assert first == {"string": True, "canonical": False, "inchikey": False, "connectivity": False}
    assert not any(second.values())
    assert notation_calls.similarities("smiles", [("C", "C"), ("C", "C")])[0] == {
        "morgan": 0,
        "maccs": 0,
        "rdk": 0,
    }


def test_the_memory_is_bounded(fresh, monkeypatch):
    monkeypatch.setattr(notation_calls, "_MOST_ANSWERS", 2)
    notation_calls.invalid_reasons("text", ["a", "b", "c"])
    notation_calls.invalid_reasons("text", ["d"])
    assert len(notation_calls._answers) == 1


def test_notions_and_similarity_of_notations():
    assert notation_calls.notions("smiles") == ("string", "canonical", "inchikey", "connectivity")
    assert notation_calls.notions("text") == ("string",)
    assert notation_calls.has_similarity("selfies")
    assert not notation_calls.has_similarity("text")
