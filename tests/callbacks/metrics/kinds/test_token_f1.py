from __future__ import annotations

import dataclasses

from callbacks.metrics.exact_match import ExactMatch
from callbacks.metrics.kinds.token_f1 import TokenF1
from callbacks.rows.evaluation import Evaluation
from tests.helpers.callback_stubs import make_row


def test_the_best_of_several_right_answers_counts() -> None:
    row = make_row("the red hat", "a blue hat", "answer")
    several = dataclasses.replace(row, others=("Red hat!", "green"))
    other = make_row("x", "x", "text", 1)
    evaluation = Evaluation([several, other])
    assert TokenF1().score(evaluation) == [{"token_f1": 1.0}, {}]
    assert ExactMatch().score(evaluation)[0] == {"exact_match": 0.0, "exact_match_normalized": 1.0}
    assert (
        ExactMatch().score(Evaluation([dataclasses.replace(several, prediction="green")]))[0]["exact_match"]
        == 1.0
    )
    assert TokenF1().score(Evaluation([row]))[0]["token_f1"] == 0.5
