"""A table given back with answers: the user's own columns as they were, then ours, in the file's own format.

- *names*: which file the answers go to, in which format, and what our columns are called.
- *text*: csv, tsv and jsonl, from the text of the user's file.
- *typed*: parquet and xlsx, from its values.
- *write*: chooses among them.
"""
