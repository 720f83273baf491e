"""What a person sees on a terminal of 80 columns, in a pipe and in a file."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from bench.release.terminal_session import record, screen_of
from tests.helpers.runs import PROJECT

CODE = """
import sys
from rich.console import Console
from callbacks.loggers.terminal import say
from callbacks.reports.progress_line import ProgressLine
from tests.helpers.callback_stubs import Pair, ScriptedModel, StubData, make_trainer
from lightning.pytorch import Callback

class Talk(Callback):
    def on_train_batch_end(self, *_): say("said in training")
    def on_validation_batch_end(self, *_): say("warned in validation", error=True, style="yellow")
    def on_validation_end(self, *_): sys.stderr.write("written plainly\\n")

pairs = [Pair("a", "CCO", "CCO"), Pair("b", "CCO", "(")]
trainer = make_trainer(sys.argv[1], [Talk(), ProgressLine()], enable_progress_bar=True, max_epochs=2)
trainer.fit(ScriptedModel(pairs), datamodule=StubData(pairs))
"""
SAID = ("said in training", "warned in validation", "written plainly")


def test_every_text_begins_a_line_of_its_own_on_a_terminal(tmp_path: Path) -> None:
    text = record([sys.executable, "-c", CODE, str(tmp_path)], PROJECT, {"PYTHONPATH": str(PROJECT)})
    lines = [line.rstrip() for line in screen_of(text)]
    assert "epoch 1/2" in text
    for said in SAID:
        assert said in lines
    assert not any("epoch " in line or "\u2501" in line for line in lines)
    assert "v_num" not in text


def test_no_bar_comes_into_a_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "argv", ["-c", str(tmp_path)])
    exec(CODE, {})
    out, err = capfd.readouterr()
    assert set(out.splitlines()) == {SAID[0]}
    assert SAID[2] in err
    for forbidden in ("\r", "\x1b", "\u2501"):
        assert forbidden not in out + err
