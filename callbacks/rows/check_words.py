"""What the checks of an answer are called for people: the same words on the terminal, in Python and on pages. Pure."""

from __future__ import annotations

from collections.abc import Mapping

READ = "read by OPSIN"
"""What is said of a name for which OPSIN knows a molecule; `well-formed` is what the notation's own check says of a text."""
UNREAD = f"not {READ}"
CUT = "cut"
"""How the reason of an answer without an end begins."""
RELATIONS: Mapping[str, str] = {
    "canonical": "the same molecule",
    "tautomer": "a tautomer of it",
    "without_stereo": "the same but for stereo",
    "skeleton": "same skeleton, other charge, salt or tautomer",
    "formula": "right formula, other structure",
}
"""How an answer's molecule is related to the question's, the closest first, in words."""


def name_relation(relation: Mapping[str, bool]) -> str:
    """Return how an answer's molecule is related to the question's, in words.

    Examples:
        >>> name_relation({"canonical": False, "formula": True}), name_relation({})
        ('right formula, other structure', 'another molecule')
    """
    return next((words for kind, words in RELATIONS.items() if relation.get(kind)), "another molecule")


def name_unread(reason: str) -> str:
    """Return that OPSIN does not read a name, and why if it says more than that.

    Examples:
        >>> name_unread("unknown name part"), name_unread("not readable by OPSIN")
        ('not read by OPSIN: unknown name part', 'not read by OPSIN')
    """
    return UNREAD if reason == "not readable by OPSIN" else f"{UNREAD}: {reason}"


def name_check(valid: bool, verified: str, why: str | None) -> str:
    """Return what the checks say of an answer.

    Args:
        valid: Whether it is whole and valid.
        verified: What verified it, or nothing.
        why: Why it is not valid or not verified.

    Examples:
        >>> name_check(True, "back", None), name_check(True, "", "by OPSIN: another molecule")
        ('verified: back', 'well-formed, not verified (by OPSIN: another molecule)')
        >>> name_check(False, "", "unclosed ring"), name_check(False, "", name_unread("unknown name part"))
        ('not well-formed: unclosed ring', 'not read by OPSIN: unknown name part')
        >>> name_check(False, "", "cut at 2 tokens")
        'cut at 2 tokens'
    """
    behind = f" ({why})" if why else ""
    if verified:
        return f"verified: {verified}{behind}"
    if valid:
        return f"well-formed, not verified{behind}"
    assert why is not None, "an answer that is not valid has a reason"
    return why if why.startswith((UNREAD, CUT)) else f"not well-formed: {why}"
