"""Runs on the same rows, side by side.

tables of predictions ──► answers (verdicts by question) ──► pairs (differences, McNemar) ──► __main__ (a table)
"""
