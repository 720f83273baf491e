"""The rows of tasks: read from their source, checked, split, and kept for the next run.

    source ──► task_rows ──► read_and_split ──► prepare ──► side_texts
               columns in     sides, without     cached      one side, as an
               notations      leaks                          evaluation sees it

- *task's row*: the columns that a task names, in their notations; all others are set aside with the reason.
- *side*: train, validation or test. *Leak*: an identity on two of them.
- *report*: `data.json` and `set_aside.csv`, which say what became of every row.
"""
