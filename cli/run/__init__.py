"""A folder belongs to one run, and a run goes on as the same one.

- *claim*: the right to write to a folder. It ends with the process that holds it.
- *append*: `--flag+=x` adds to a list of the run's configuration, once.
"""
