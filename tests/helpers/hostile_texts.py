"""Texts that YAML, a shell or a parser reads as something else."""

from __future__ import annotations

HOSTILE = (
    "1e-4", "1E5", "null", "~", "#x", "a #b", "true", "yes", "off", "NO", "0x10", "0o7", "007", "1_000", "12:30", "1:30.5",
    "2026-01-01", ".inf", ".nan", "-1", "1.", ".", "-", "--x", "---", "...", "a: b", "a:", "[x]", "[x", "{x", "{x}", "- x", "?",
    "'", '"', "", " ", " x ", "!!python/x", "&a", "*a", "%", "@", "`", "|", ">", "=", "a=b", "<<", "a,b", "\\n",
    "é", "e\u0301", "\u212b", "a\nb", "a\n", "\n", "\t", "\r", "\x85", "\u2028", "\ufeff", "\x7f", "\x1b[0m", "\U0001f600",
    "http://x#y", "x" * 90 + "  " + "y" * 90, "$HOME", "a\u00a0b",
)  # fmt: skip
"""No two are equal, and none holds a secret or names a home folder with a path behind it."""
