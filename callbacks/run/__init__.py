"""Checkpoints, signals, broken steps, and the facts of a run."""
