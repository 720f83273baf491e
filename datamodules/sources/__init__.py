"""Where rows come from: built-in data sets, anybody's table, a file on the Hub.

    a name, a path, hf://datasets/... ──► lookup ──► tables/: delimited, smi, sdf, xlsx, jsonl, parquet ──► Rows
                                             ├─────► shipped: pubchem, b3db, reactions, ...           ──────┤
                                             └─────► generated/, cmudict, words, ...                  ──────┘

- *row*: one line of a table. *Line*: its number in the file, so that a person finds it again.
- *set aside*: not used, with the line and the reason. Rows kept and rows set aside add up to the file's.
- *held out*: names of molecules that tasks keep for validation and test, so that no pretraining text holds them.

`shipped` lists the sources that are files, which `building` makes; another module with a function `load` is a source of its name.

Examples:
    >>> from datamodules.sources.lookup import load_source
    >>> rows = load_source("dna_to_protein")
    >>> rows.total, rows.table.column_names, len(rows.set_aside)
    (20000, ['dna', 'protein'], 0)
"""
