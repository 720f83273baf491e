"""Answers of `predict` on the disk, from the first batch to the finished file.

parts of an evaluation ──► stored (a journal beside the output) ──► the output, in the order of the file
weights, settings ──► digest: what answers depend on, so that only the same command goes on
"""
