"""One metric per file. Each metric scores rows; their base class counts rows, merges ranks and computes intervals.

    evaluated rows ──► score: numbers per row ──► one table over all ranks ──► value, low, high by task
                       the metric's own part      each row index once

- *column*: a number per row, logged as `<stage>/<task>/<column>` with `_low` and `_high`.
- *headline*: the column whose mean over tasks selects the best checkpoint.
- *row reader*: any callback that reads the evaluated rows.

All ranks hold the same merged table, so no value is averaged over ranks. docs/metrics.md defines every metric;
docs/extending.md shows how to add one.
"""
