from __future__ import annotations

from callbacks.rows.notation_calls import NotationCalls
from callbacks.rows.verdicts import judge_ahead, judge_sameness, judge_similarity, judge_validity
from datamodules.workers.guarded_worker import GuardedWorker
from tests.helpers.callback_stubs import make_row

ROWS = [
    make_row("OCC", "CCO"), make_row("a", "a", "text", 1), make_row("C(", "CCO", index=2), make_row("1.50", "1.5", "number", 3),
]  # fmt: skip


def test_verdicts_stand_in_the_order_of_the_rows_whatever_their_notations():
    calls = NotationCalls(workers=1)
    assert [bool(reason) for reason in judge_validity(calls, ROWS)] == [False, False, True, False]
    sameness = judge_sameness(calls, ROWS)
    assert [one["string"] for one in sameness] == [False, True, False, False]
    assert (sameness[0]["canonical"], sameness[3]["value"]) == (True, True)
    similar = judge_similarity(calls, ROWS)
    assert [one and one["morgan"] for one in similar] == [1.0, None, 0.0, None]
    assert judge_validity(calls, []) == []


def test_what_is_judged_ahead_is_not_asked_again(monkeypatch):
    calls = NotationCalls(workers=1)
    judge_ahead(calls, ROWS, ["invalid_reason", "same", "similarity"])
    calls.call("text", "invalid_reason", [("wait",)])
    monkeypatch.setattr(GuardedWorker, "map", lambda *_: 1 / 0)
    assert judge_validity(calls, ROWS)[0] is None
    assert judge_sameness(calls, ROWS)[1] == {"string": True}
    assert judge_similarity(calls, ROWS)[3] is None
