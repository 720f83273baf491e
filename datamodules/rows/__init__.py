"""The rows of tasks: read, checked and split."""
