from __future__ import annotations

from callbacks.loggers.terminal_text import printable


def test_what_steers_a_terminal_is_not_shown():
    assert printable("a\x1b[31mb\x07\r\n\u202e") == "a?[31mb????"
    assert printable("2-acetyloxybenzoic acid, é, 苯") == "2-acetyloxybenzoic acid, é, 苯"
