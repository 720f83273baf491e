"""One metric a file, each a number a row with its interval."""
