"""Where rows come from: built-in data sets, anybody's table, a file on the Hub.

    a name, a path, hf://datasets/... ──► lookup ──► tables/: delimited, smi, sdf, xlsx, jsonl, parquet ──► Rows
                                             └─────► pubchem, cmudict, words, ...                     ──────┘

- *row*: one line of a table. *Line*: its number in the file, so that a person finds it again.
- *set aside*: not used, with the line and the reason. Rows kept and rows set aside add up to the file's.
- *held out*: names of molecules that tasks keep for validation and test, so that no pretraining text holds them.

A module here with a function `load` is a built-in source of that name. `building` makes the built-in molecules.

Examples:
    >>> from datamodules.sources.lookup import load_source
    >>> rows = load_source("dna_to_protein")
    >>> rows.total, rows.table.column_names, len(rows.set_aside)
    (20000, ['dna', 'protein'], 0)
"""
