from __future__ import annotations

import pytest

from cli.checks.flag_list import read_flags
from cli.checks.parser_message import shorten

UNION = """Parser key "model.peft":
  Does not validate against any of the Union subtypes
  Subtypes: [LoraSettings, NoneType]
  Errors:
    - Expected --model.peft.rank to be at least 1, but got 0.
    - Expected a <class 'NoneType'>
  Given value: Namespace(rank=0)"""


@pytest.mark.parametrize(
    ("message", "line"),
    [
        (UNION, "Expected --model.peft.rank to be at least 1, but got 0."),
        ("Parser key \"a\":\n  Expected a <class 'int'>. Got value: x", 'Parser key "a": Expected a int. Got value: x'),
        ("unrecognized arguments: --data.fromat arrow", "No flag is called --data.fromat. Did you mean --data.format?"),
        ("Option 'ranks' is not accepted", "No flag is called ranks. Did you mean --model.peft.rank?"),
        ("Subcommand 'fit' does not accept option 'data.pack'", "No flag is called data.pack. Did you mean --data.packing?"),
        ("unrecognized arguments: --zzzzzz=1", "No flag is called --zzzzzz."),
    ],
)  # fmt: skip
def test_message_is_one_line(message: str, line: str) -> None:
    assert shorten(message, "fit", read_flags()) == line


def test_long_message_is_cut() -> None:
    assert len(shorten("x" * 5000, "", read_flags())) == 600
