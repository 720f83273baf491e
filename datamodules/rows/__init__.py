"""The rows of tasks: read from their source, checked, split, and cached for the next run.

    source ──► task_rows ──► read_and_split ──► prepare ──► side_texts
               columns in     sides, without     cached      one side, as an
               notations      leaks                          evaluation sees it

- *task's row*: the columns that a task names, in their notations; invalid rows are skipped and recorded with the reason.
- *side*: train, validation or test. *Leak*: an identity on two sides.
- *report*: `data.json` and `set_aside.csv`, which count the rows and list each skipped row.
"""
