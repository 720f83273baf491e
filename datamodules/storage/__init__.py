"""Text in columns, on disk and in the cache. This package knows nothing of tasks.

    a million texts ──► TextColumn: each distinct text once ──► cache: memory-mapped files
                                                            └─► safe_csv: files for people

- *key*: a hash of everything that a cached result depends on: table content, code, libraries, tokenizer.
- *spill*: a column that grows in an unnamed file and is read as a mapped one; what is larger than the memory is spilled.
- *safe*: a cell that a spreadsheet would run as a formula gets a leading apostrophe; reading removes it.
- *whole*: a file is complete or does not exist, whatever stops the program.

Examples:
    >>> from datamodules.storage.safe_csv import escape_cell, unescape_cell
    >>> from datamodules.storage.text_columns import TextColumn
    >>> TextColumn.of(["water", "ethanol", "water"]).codes.tolist()
    [0, 1, 0]
    >>> escape_cell("=O"), unescape_cell("'=O")
    ("'=O", '=O')
"""
