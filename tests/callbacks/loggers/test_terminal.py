from __future__ import annotations

import io
import sys

import pytest

from callbacks.loggers.terminal import accept_any_text, is_quiet, quiet, say, wrap_text


class Terminal(io.StringIO):
    """A stream that says it is a terminal."""

    def isatty(self) -> bool:
        """Return True."""
        return True


def test_text_is_wrapped_between_words_on_a_terminal_only(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    text, path = "word " * 30 + "end", "runs/" + "a" * 90
    for stream, wrapped in ((Terminal(), True), (io.StringIO(), False)):
        monkeypatch.setattr(sys, "stdout", stream)
        say(text)
        say(path)
        lines = stream.getvalue().splitlines()
        assert (max(len(line) for line in lines[:-1]) <= 80) is wrapped
        assert lines[-1] == path
        assert len(lines) == (3 if wrapped else 2)


def test_wrapped_lines_are_indented_and_lose_nothing() -> None:
    text = "  a b c " * 20
    assert wrap_text(text, 30).split() == text.split()
    assert all(line.startswith("    ") for line in wrap_text(text, 30).splitlines()[1:])


def test_quiet_prints_the_last_line_only(capsys: pytest.CaptureFixture[str]) -> None:
    with quiet(True):
        assert is_quiet()
        say("much")
        say("to fix", error=True, style="yellow")
        say("the end", last=True)
    assert not is_quiet()
    say("again")
    assert capsys.readouterr() == ("the end\nagain\n", "")


def test_standard_output_takes_what_its_encoding_lacks(monkeypatch: pytest.MonkeyPatch) -> None:
    for encoding, expected in (("cp1252", b"\\u03bb1 \xe9"), ("utf-8", "\u03bb1 \u00e9".encode())):
        written = io.BytesIO()
        monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(written, encoding))
        accept_any_text()
        sys.stdout.write("\u03bb1 \u00e9")
        sys.stdout.flush()
        assert written.getvalue() == expected
