"""Processes that run alternately, so that all of them meet the same machine speed.

A shared machine may be half as fast as a minute before. That affects programs that alternate epoch by epoch much less than
programs that run one after the other.
"""

from __future__ import annotations

import contextlib
import json
import random
import socket
import subprocess
import tempfile
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bench.speed.stopwatch import TURNS

LOOK_SECONDS = 0.1
"""How often to look whether a process has ended."""


def order_of(names: Sequence[str], number: int) -> list[str]:
    """Return the names shuffled by a number, so that none always runs first or after the same one."""
    return random.Random(number).sample(names, len(names))


@dataclass
class Runner:
    """A process that asks for turns with `Stopwatch`, and its output."""

    name: str
    process: subprocess.Popen[str]
    output: Path
    errors: Path
    connection: socket.socket | None = None

    @classmethod
    def start(
        cls, name: str, command: Sequence[str], environment: Mapping[str, str], folder: Path, cwd: Path
    ) -> Runner:
        """Start a process; its output goes to files, since no one reads it while it runs."""
        output, errors = (folder / f"{name}.{kind}" for kind in ("output", "errors"))
        with output.open("w") as out, errors.open("w") as err:
            process = subprocess.Popen(
                list(command), cwd=cwd, env={**environment, TURNS: str(folder / "turns")}, stdout=out, stderr=err,
                text=True,
            )  # fmt: skip
        return cls(name, process, output, errors)

    def until_it_asks(self, server: socket.socket) -> bool:
        """Wait for its next request or its end; return whether it asks for a turn.

        Raises:
            RuntimeError: If it failed; with the end of its error output.
        """
        while self.process.poll() is None:
            with contextlib.suppress(TimeoutError):
                if self.connection is None:
                    self.connection, _ = server.accept()
                    self.connection.settimeout(LOOK_SECONDS)
                if self.connection.recv(1):
                    return True
                self.process.wait()
        if self.process.returncode:
            raise RuntimeError(f"{self.name} failed:\n{self.errors.read_text()[-3000:]}")
        return False

    def go(self) -> None:
        """Give it a turn; if it has died, the next `until_it_asks` finds out."""
        assert self.connection is not None
        with contextlib.suppress(BrokenPipeError):
            self.connection.sendall(b"!")

    def result(self) -> dict[str, Any]:
        """Return the last line of its output, which is JSON."""
        found: dict[str, Any] = json.loads(self.output.read_text().strip().splitlines()[-1])
        return found


def run_in_turns(
    names: Iterable[str],
    command: Callable[[str], Sequence[str]],
    environment: Callable[[str], Mapping[str, str]],
    cwd: Path,
    number: int = 0,
) -> dict[str, dict[str, Any]]:
    """Run processes that alternate, only one working at any time, and return each one's JSON line.

    Each process starts and runs until it asks for its first turn. Then each gets a turn, in another order each time, until all
    have ended. All stay in memory.

    Args:
        names: Names of the processes.
        command: Returns the command of a process, by name.
        environment: Returns all its environment variables, by name.
        cwd: Working directory.
        number: Seed of the first order; it grows by one with each order.

    Raises:
        RuntimeError: If a process fails; the others are killed.
    """
    runners: dict[str, Runner] = {}
    with tempfile.TemporaryDirectory() as name, socket.socket(socket.AF_UNIX) as server:
        folder = Path(name)
        server.bind(str(folder / "turns"))
        server.listen()
        server.settimeout(LOOK_SECONDS)
        try:
            waiting = []
            for one in order_of(list(names), number):
                runners[one] = Runner.start(one, command(one), environment(one), folder, cwd)
                waiting += [one] if runners[one].until_it_asks(server) else []
            while waiting:
                number += 1
                for one in order_of(waiting, number):
                    runners[one].go()
                    if not runners[one].until_it_asks(server):
                        waiting.remove(one)
            return {one: runner.result() for one, runner in runners.items()}
        finally:
            for runner in runners.values():
                runner.process.kill()
                runner.process.wait()
