"""What a run does beside training: statistics, metrics, reports, checkpoints. Nothing here imports a model.

    answers of a batch ──► rows ──► metrics ──► loggers    numbers with 95 % intervals
                             │        └── statistics
                             └────► reports                tables, cards, exports
    training loop ◄────────► run                           checkpoints, signals, resuming

- *evaluated row*: a row of the data with the model's text. It is made once; every metric and report reads the same.
- *verdict*: what is decided about one prediction: valid, the same by a notion, similar.
- *outcome*: the one of ten classes that a prediction falls into, from `exact` to `invalid`.
- *right*: exact, or another string that means the same.
- *baseline*: what answers the same rows without this model.

A callback depends on no other callback, not on its place in the list, and not on the number of ranks.

Examples:
    >>> from callbacks.statistics.intervals import format_estimate, wilson_interval
    >>> low, high = wilson_interval(302, 650)
    >>> measured = {"exact_match": 302 / 650, "exact_match_low": low, "exact_match_high": high}
    >>> format_estimate(measured, "exact_match", percent=True)
    '46.5 % (42.7 to 50.3)'
"""
