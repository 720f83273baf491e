from __future__ import annotations

from callbacks.rows.notation_calls import NotationCalls, has_similarity, notions
from datamodules.workers.guarded_worker import GuardedWorker, Result
from tests.helpers.fake_opsin import fake_opsin


def test_what_cannot_be_judged_is_wrong_but_equal_text_stays_equal(monkeypatch):
    calls = NotationCalls()
    monkeypatch.setattr(calls, "call", lambda *_: [Result(None, "crashed"), Result(None, "timeout")])
    first, second = calls.same("smiles", [("CC", "CC"), ("CC", "CCC")])
    assert first == {"string": True, "canonical": False, "inchikey": False, "connectivity": False}
    assert not any(second.values())
    assert calls.similarities("smiles", [("C", "C"), ("C", "C")])[0] == {
        "morgan": 0,
        "maccs": 0,
        "rdk": 0,
    }


def test_notions_and_similarity_of_notations():
    assert notions("smiles") == ("string", "canonical", "inchikey", "connectivity")
    assert notions("text") == ("string",)
    assert has_similarity("selfies")
    assert not has_similarity("text")


def test_what_is_called_ahead_is_all_that_is_asked_later(monkeypatch):
    asked = []
    plain = GuardedWorker.map

    def listen(self, notation, function, arguments):
        asked.extend((notation, function, tuple(items)) for items in arguments)
        return plain(self, notation, function, arguments)

    monkeypatch.setattr(GuardedWorker, "map", listen)
    calls = NotationCalls(workers=1)
    pairs = [("CCO", "OCC"), ("C(", "C")] * 30
    calls.call_ahead("smiles", ["invalid_reason", "same", "similarity"], pairs)
    assert calls.invalid_reasons("smiles", ["CCO", "C("])[0] is None
    assert calls.same("smiles", pairs[:1])[0]["canonical"]
    assert calls.similarities("smiles", pairs[:2])[1]["morgan"] == 0
    assert len(asked) == len(set(asked)) == 6
    calls.call_ahead("text", ["invalid_reason", "similarity"], [("a", "b")])  # text has no similarity
    assert calls.invalid_reasons("text", ["a"]) == [None]


def test_each_name_is_read_once_and_new_ones_in_one_batch():
    with fake_opsin({"ethane": "CC", "propane": "CCC"}) as java:
        calls = NotationCalls()
        assert [one.smiles for one in calls.read_names(["ethane", "banana", "ethane"])] == ["CC", None, "CC"]
        assert [one.smiles for one in calls.read_names(["propane", "ethane"])] == ["CCC", "CC"]
    assert java.batches == [["ethane", "banana"], ["propane"]]
