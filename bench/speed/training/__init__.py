"""Trainers timed against each other, and the parts of a training step."""
