from __future__ import annotations

import io
import os
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

from cli.argv import flag_value
from cli.run.streams import standard_streams
from tests.helpers.runs import PROJECT

ASKS = ["predict", "--data.predict_path", "-"]


def feed(monkeypatch: pytest.MonkeyPatch, text: str) -> None:
    monkeypatch.setattr(sys, "stdin", SimpleNamespace(buffer=io.BytesIO(text.encode())))


@pytest.mark.parametrize(
    ("text", "name", "flags"),
    [
        ("id,smiles\n1,CCO\n", "stdin.csv", []),
        ("CCO\n", "stdin.txt", ["--data.header", "false"]),
        ("2,3-dimethylbutane\nethanol\n", "stdin.txt", ["--data.header", "false"]),
        ("smiles\nCCO\n", "stdin.txt", []),
        ('{"smiles": "CCO"}\n', "stdin.jsonl", []),
    ],
)
def test_standard_input_becomes_a_file_of_its_kind(
    monkeypatch: pytest.MonkeyPatch, text: str, name: str, flags: list[str]
) -> None:
    feed(monkeypatch, text)
    with standard_streams(ASKS) as words:
        path = Path(flag_value(words, "--data.predict_path") or "")
        assert (path.name, path.read_text(), words[3:]) == (name, text, flags)
        with standard_streams(ASKS) as of_another_rank:  # which must not read the stream again
            assert of_another_rank == words
    assert not path.exists()
    assert "PATOIS_STDIN" not in os.environ


def test_empty_standard_input_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    feed(monkeypatch, " \n")
    with (
        pytest.raises(ValueError, match="expected a table or lines on standard input, but it is empty"),
        standard_streams(ASKS),
    ):
        pass


def test_standard_output_holds_the_answers_and_nothing_else() -> None:
    code = """
import os, sys
from cli.run.streams import standard_streams
from cli.argv import flag_value
with standard_streams(["predict", "--data.predict_path", "x.tsv", "--output", "-"]) as words:
    print("from Python")
    os.system("echo from a child")
    path = flag_value(words, "--output")
    assert path.endswith(".tsv"), path
    open(path, "w").write("answers\\n")
print("afterwards")
"""
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=PROJECT, capture_output=True, text=True, check=True
    )
    assert done.stdout == "answers\nafterwards\n"
    assert "from Python" in done.stderr
    assert "from a child" in done.stderr


def test_other_words_stay() -> None:
    for words in (["fit", "--name", "-"], ["predict", "--data.predict_path", "a.csv"]):
        with standard_streams(words) as same:
            assert same == words
