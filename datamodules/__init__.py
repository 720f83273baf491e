r"""From rows of a table to batches of tokens. One direction, no way back; each arrow is a value that can be printed.

    source ──► task ──► split ──► format ──► tokens and labels ──► batches
    sources/   tasks    splits    formats    tokens/examples       tokens/batching
               rows/              texts/

- *source*: where rows come from. *Row*: a dict of columns.
- *task*: which columns are input and output, in which *notations*, and how to ask. A YAML file.
- *split*: the assignment of *identities* (never of rows) to the *sides* train, validation and test.
- *format*: how instruction, input and output become *prompt* and *completion*.
- *supervised token*: one that counts in the loss. `tokens.examples` is the only place that decides it.

`sequence_task` is Lightning's data module, which joins all of it; `task_data` is what it holds. `notations` knows what
kinds of strings there are, `storage` keeps text in columns, `workers` runs what may hang in other processes. `making` makes
rows by rules, ahead of any run.

Examples:
    >>> from datamodules.formats import Query, load_format
    >>> from datamodules.tasks import load_task
    >>> task = load_task("smiles_to_iupac")
    >>> query = Query(task.instructions[0], "CCO", task.input.label, task.output.label)
    >>> load_format("labels").render(query, output="ethanol")
    ('SMILES: CCO\nIUPAC:', ' ethanol')
"""
