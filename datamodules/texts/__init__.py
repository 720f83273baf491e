"""Rows as prompts and completions, and their variants."""
