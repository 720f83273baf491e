"""Metrics of tasks of one kind: choices, numbers, answers to questions. Tasks of other kinds have no value."""
