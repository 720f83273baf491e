from __future__ import annotations

from callbacks.rows import notation_calls
from datamodules.workers.guarded_worker import GuardedWorker, Result
from datamodules.workers.worker_pool import WorkerPool


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


def test_notions_and_similarity_of_notations():
    assert notation_calls.notions("smiles") == ("string", "canonical", "inchikey", "connectivity")
    assert notation_calls.notions("text") == ("string",)
    assert notation_calls.has_similarity("selfies")
    assert not notation_calls.has_similarity("text")


def test_what_is_called_ahead_is_all_that_is_asked_later(monkeypatch):
    asked = []
    plain = GuardedWorker.map

    def listen(self, notation, function, arguments):
        asked.extend((notation, function, tuple(items)) for items in arguments)
        return plain(self, notation, function, arguments)

    monkeypatch.setattr(GuardedWorker, "map", listen)
    monkeypatch.setattr(notation_calls, "_pool", WorkerPool(workers=1))
    pairs = [("CCO", "OCC"), ("C(", "C")] * 30
    notation_calls.call_ahead("smiles", ["invalid_reason", "same", "similarity"], pairs)
    assert notation_calls.invalid_reasons("smiles", ["CCO", "C("])[0] is None
    assert notation_calls.same("smiles", pairs[:1])[0]["canonical"]
    assert notation_calls.similarities("smiles", pairs[:2])[1]["morgan"] == 0
    assert len(asked) == len(set(asked)) == 6
    notation_calls.call_ahead(
        "text", ["invalid_reason", "similarity"], [("a", "b")]
    )  # text has no similarity
    assert notation_calls.invalid_reasons("text", ["a"]) == [None]
