"""From rows of a table to batches of tokens: sources, tasks, splits, formats, examples, batches."""
