"""Pure numbers: intervals, calibration, kinds of rows. It imports NumPy and nothing of Patois.

    one value a row ──► intervals: how far a number may move by the choice of the rows alone
                   ──► calibration: how far a model's own probability can be trusted
                   ──► strata: exact match by kind of row

- *interval*: of 95 %. Wilson's for shares, a bootstrap of rows for means.
- *confidence*: the probability that the model gives its answer.
- *abstaining*: leaving the least confident rows unanswered. *Coverage*: the share that is answered.
- *stratum*: a kind of row (long, charged, close to training) that is scored by itself.

Examples:
    >>> from callbacks.statistics.intervals import mcnemar_exact, wilson_interval
    >>> [round(bound, 2) for bound in wilson_interval(5, 10)]
    [0.24, 0.76]
    >>> mcnemar_exact(only_first=1, only_second=9) < 0.05
    True
"""
