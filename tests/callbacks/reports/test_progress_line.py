"""What a person sees on a terminal of 80 columns, in a pipe and in a file."""

from __future__ import annotations

import os
import pty
import re
import subprocess
import sys
from pathlib import Path

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


def screen_of(raw: str) -> list[str]:
    """Return the lines of a terminal after all has been written; knows the codes that a progress line uses."""
    lines, row, column = [""], 0, 0
    for code, text in re.findall(r"(\x1b\[[0-9;?]*[A-Za-z]|\r|\n)|([^\x1b\r\n]+)", raw):
        if code == "\n":
            row, column = row + 1, 0
            lines += [""] * (row + 1 - len(lines))
        elif code == "\r":
            column = 0
        elif code == "\x1b[2K":
            lines[row] = ""
        elif re.fullmatch(r"\x1b\[\d*A", code):
            row -= int(code[2:-1] or 1)
        elif text:
            lines[row] = lines[row][:column].ljust(column) + text + lines[row][column + len(text) :]
            column += len(text)
    return lines


def test_every_text_begins_a_line_of_its_own_on_a_terminal(tmp_path: Path) -> None:
    leader, follower = pty.openpty()
    env = {**os.environ, "COLUMNS": "80", "TERM": "xterm-256color", "PYTHONPATH": str(PROJECT)}
    process = subprocess.Popen(
        [sys.executable, "-c", CODE, str(tmp_path)], stdout=follower, stderr=follower, env=env, cwd=PROJECT
    )
    os.close(follower)
    raw = b""
    try:
        while piece := os.read(leader, 65536):
            raw += piece
    except OSError:
        pass  # so Linux tells the end
    assert process.wait() == 0
    os.close(leader)
    text = raw.decode()
    lines = [line.rstrip() for line in screen_of(text)]
    assert "epoch 1/2" in text
    for said in SAID:
        assert said in lines
    assert not any("epoch " in line or "\u2501" in line for line in lines)
    assert "v_num" not in text


def test_no_bar_comes_into_a_file(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", CODE, str(tmp_path)], capture_output=True, text=True, check=True, cwd=PROJECT,
        env={**os.environ, "PYTHONPATH": str(PROJECT)},
    )  # fmt: skip
    assert set(done.stdout.splitlines()) == {SAID[0]}
    for forbidden in ("\r", "\x1b", "\u2501"):
        assert forbidden not in done.stdout + done.stderr
