"""Text in columns, on disk and in the cache."""
