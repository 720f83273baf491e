"""Trainers that are timed beside each other, and the parts of a training step."""
