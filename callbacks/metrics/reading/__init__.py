"""Collecting the rows that a rank evaluates, and where an evaluation is cut to parts.

batches ──► collected (rows by prompt) ──► parts, or all rows at the end ──► row_reader
"""
