"""One metric a file. Each scores rows; counting, merging ranks and intervals are done once, by their base.

    evaluated rows ──► score: numbers a row ──► one table over all ranks ──► value, low, high by task
                       the metric's own part     each row index once

- *column*: a number a row, logged as `<stage>/<task>/<column>` with `_low` and `_high`.
- *headline*: the column whose mean over tasks chooses the best checkpoint.
- *row reader*: any callback that reads the evaluated rows.

All ranks hold the same merged table, so no value is averaged over ranks. docs/metrics.md defines every metric,
docs/extending.md adds one.
"""
