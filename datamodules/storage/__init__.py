"""Text in columns, on disk and in the cache. It knows nothing of tasks.

    a million texts ──► TextColumn: each different one once ──► cache: files mapped into memory
                                                            └─► safe_csv: files for people

- *key*: all that a cached result depends on, as a hash: the table's content, the code, the libraries, the tokenizer.
- *safe*: a cell that a spreadsheet would run as a formula gets an apostrophe; reading takes it away again.
- *whole*: a file is there in full or not at all, whatever stops the program.

Examples:
    >>> from datamodules.storage.safe_csv import escape_cell, unescape_cell
    >>> from datamodules.storage.text_columns import TextColumn
    >>> TextColumn.of(["water", "ethanol", "water"]).codes.tolist()
    [0, 1, 0]
    >>> escape_cell("=O"), unescape_cell("'=O")
    ("'=O", '=O')
"""
