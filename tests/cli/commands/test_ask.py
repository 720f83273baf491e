from __future__ import annotations

import io
import json
import sys
from pathlib import Path

import pytest

from cli.commands.ask import main, read_lines
from tests.helpers.demo_runs import write_run


def test_words_are_answered_by_the_shipped_model(capsys: pytest.CaptureFixture[str]) -> None:
    main(["CCO", "C1CC"])
    shown = capsys.readouterr()
    first, second = shown.out.splitlines()
    assert first.startswith("CCO -> ethanol  (probability 1.00, ")
    assert second == "C1CC: not a valid SMILES: unclosed ring"
    assert "Asked as smiles_to_iupac; others by --task: iupac_to_smiles." in shown.err
    main(["--json", "ethanol"])
    answer = json.loads(capsys.readouterr().out)
    assert (answer["input"], answer["valid"]) == ("ethanol", True)
    assert answer["text"].startswith("CC")  # a molecule, so it was asked as iupac_to_smiles


def test_lines_of_standard_input_are_answered_by_a_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    run = write_run(tmp_path)
    capsys.readouterr()  # saving a model draws a bar
    monkeypatch.setattr(sys, "stdin", io.StringIO("CCO\n\n  C1CC \n"))
    main(["--model", str(run)])
    shown = capsys.readouterr()
    assert [line.split()[0] for line in shown.out.splitlines()] == ["CCO", "C1CC:"]
    assert shown.err == ""
    with pytest.raises(ValueError, match="Expected task= to be one of name_small_molecules"):
        main(["--model", str(run), "--task", "nope", "CCO"])


def test_no_text_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", io.StringIO(""))
    with pytest.raises(ValueError, match="Expected texts to ask, such as `ask CCO`"):
        read_lines([])
