"""Pure functions of numbers: intervals, calibration, kinds of rows. They import NumPy and nothing else of Patois.

    one value per row ──► intervals: how far a number may vary with the choice of rows alone
                      ──► calibration: how far the model's own probability can be trusted
                      ──► strata: exact match by kind of row

- *interval*: a 95 % confidence interval: Wilson's for shares, a bootstrap over rows for means.
- *confidence*: the model's probability of its answer.
- *abstaining*: leaving the least confident rows unanswered. *Coverage*: the share of answered rows.
- *stratum*: a kind of row (long, charged, close to training) that is scored separately.

Examples:
    >>> from callbacks.statistics.intervals import mcnemar_exact, wilson_interval
    >>> [round(bound, 2) for bound in wilson_interval(5, 10)]
    [0.24, 0.76]
    >>> mcnemar_exact(only_first=1, only_second=9) < 0.05
    True
"""
