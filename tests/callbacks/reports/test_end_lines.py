from __future__ import annotations

from callbacks.reports.end_lines import describe_evaluation


def test_summary_lines_tell_only_what_was_measured():
    assert describe_evaluation("t", {"exact_match": 0.5}) == []
    metrics = {
        "round_trip": 0.5, "round_trip_low": 0.4, "round_trip_high": 0.6, "round_trip_tautomer": 0.55,
        "round_trip_without_stereo": 0.6, "readable": 0.9, "outcome_exact": 0.25, "outcome_stereo": 0.75,
        "outcome_invalid": 0.0,
    }  # fmt: skip
    assert describe_evaluation("t", metrics) == [
        "t, names read by OPSIN: 50.0 % (40.0 to 60.0) right, 55.0 % tautomer-insensitive, 60.0 % without stereo, "
        "90.0 % readable",
        "t, outcomes: exact 25.0 %; same but for stereo 75.0 %",
    ]
