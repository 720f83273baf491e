from __future__ import annotations

from callbacks.statistics.phrasing_spread import Estimate, average_phrasings, spread_phrasings

SUMMARIES = [
    {"exact_match": Estimate(0.25, 0.0, 0.5), "steps": Estimate(3.0, 1.0, 4.0)},
    {"exact_match": Estimate(0.75, 0.5, 1.0), "steps": Estimate(5.0, 3.0, 6.0)},
    {"exact_match": Estimate(0.5, 0.25, 0.75)},
]


def test_a_metric_that_a_phrasing_lacks_is_averaged_over_the_others() -> None:
    assert average_phrasings(SUMMARIES) == {"exact_match": (0.5, 0.25, 0.75), "steps": (4.0, 2.0, 5.0)}


def test_worst_and_spread_need_a_better_direction() -> None:
    assert spread_phrasings(SUMMARIES, {"exact_match": True, "steps": None}) == {
        "exact_match_worst": 0.25,
        "exact_match_spread": 0.5,
    }
