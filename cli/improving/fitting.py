"""An ordinary fit in a process of its own: begun, or gone on with where an earlier one ended."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from types import FrameType

from callbacks.loggers.terminal import say
from cli.run.claim import FILE, lives, read_holder
from configs.lookup import PROJECT

Fit = Callable[[Sequence[str]], int]
"""Runs a command line; returns its exit status."""
_WAIT_S = 1.0


def choose_words(run: Path, settings: Path, flags: Sequence[str]) -> list[str]:
    """Return the words that begin a run, or that go on with it if it has begun.

    Args:
        run: The run's folder.
        settings: Its settings.
        flags: Further flags of the user.
    """
    if (run / "config.yaml").is_file():
        return ["fit", "--name", run.name, "--ckpt_path", "last"]
    return ["fit", "--config", str(settings), "--name", run.name, *flags]


def run_fit(words: Sequence[str]) -> int:
    """Run `train.py` in a process of its own, which a fit on several devices needs; return its exit status.

    SIGTERM goes to the fit, too, which then saves its state; Ctrl-C reaches it by itself.
    """
    child: subprocess.Popen[bytes] | None = None
    asked: list[int] = []

    def forward(number: int, frame: FrameType | None) -> None:
        if child is None:
            asked.append(number)
        else:
            child.send_signal(number)

    # Before the process begins: a signal between the two would be lost, and a signal that is ignored here is ignored there.
    before = signal.signal(signal.SIGTERM, forward)
    try:
        child = subprocess.Popen([sys.executable, str(PROJECT / "train.py"), *words])
        for number in asked:
            child.send_signal(number)
        return _wait(child)
    except KeyboardInterrupt:
        if child is not None:
            _wait(child)
        raise
    finally:
        signal.signal(signal.SIGTERM, before)


def _wait(child: subprocess.Popen[bytes]) -> int:
    """Return a process' exit status once it ends, and answer signals meanwhile.

    The system may give a signal to any thread. Then a wait without a limit in the main one goes on, and Python, which runs
    handlers there, calls none before it returns.
    """
    while True:
        with suppress(subprocess.TimeoutExpired):
            return child.wait(_WAIT_S)


def wait_for_end(run: Path, pause: Callable[[float], None] = time.sleep) -> None:
    """Wait until no process of this machine holds a run's folder: a killed command leaves its fit behind, which goes on."""
    told = False
    while (holder := read_holder(run / FILE)) is not None and lives(holder):
        if not told:
            say(
                f"{run} is being fitted by process {holder['pid']} of an earlier command: waiting for its end.",
                error=True,
            )
            told = True
        pause(_WAIT_S)


def fit_round(run: Path, settings: Path, flags: Sequence[str], fit: Fit = run_fit) -> None:
    """Fit a round's run, or go on with it, until it has its exported weights.

    Raises:
        ValueError: If the fit fails or is stopped; it says itself why.
    """
    wait_for_end(run)
    status = fit(choose_words(run, settings, flags))
    if status != 0:
        raise ValueError(
            f"The fit of {run} ended with status {status}; its last lines stand above. The same command goes on with it."
        )
    if not (run / "hf" / "config.json").is_file():
        raise ValueError(
            f"Expected the fit of {run} to export its weights to hf/, but it did not: {settings} lacks the callback HFExport."
        )
