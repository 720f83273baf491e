"""Anybody's table: one file a format, and what they share.

bytes ──► text ──► separator, header ──► rows of text columns
(gz)     (encoding)     (sniffed)          (bad rows set aside)
"""
