"""Call notations in a child process that can be killed.

A molecule can keep RDKit busy for minutes inside C++ code, where neither a Python signal handler nor a thread can
stop it. Predictions may be any text, so they are checked in a child process (`python -m
datamodules.workers.guarded_worker`) that exchanges JSON lines over its standard input and output.

The child sets an alarm before each call (`alarm`), which ends the process, whatever code runs. The parent sees the pipe
close, records the timeout, starts another child and continues with the next item. The same alarm ends a child whose parent
is killed during a call; otherwise the end of its input ends it.
"""

from __future__ import annotations

import contextlib
import inspect
import json
import os
import signal
import subprocess
import sys
import weakref
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, NamedTuple

from configs.lookup import PROJECT
from datamodules.notations.lookup import load_notation
from datamodules.workers.alarm import is_answer, prepare, set_alarm, stop_alarm, was_alarm

_CHUNK = 256  # calls per request: enough to make waiting negligible, few enough to resend after a kill
_MAX_STARTS = 3


class Result(NamedTuple):
    """The result of one call."""

    value: Any
    """The returned value; None if there is an error."""
    error: str | None
    """None, `timeout`, `crashed`, or a raised exception as `ValueError: unclosed ring`."""


class GuardedWorker:
    """A lazily started child process that calls functions of notations under a time limit.

    A context manager that can be used again after `close`. In a forked process (a data loader's worker, a DDP rank) it
    starts its own child, and so does a pickled copy. Not thread-safe.

    Args:
        timeout_s: Seconds that one call may take before the child is killed.
    """

    def __init__(self, timeout_s: float = 1.5) -> None:
        if not timeout_s > 0:
            raise ValueError(f"Expected timeout_s to be positive, but got {timeout_s}.")
        self.timeout_s = timeout_s
        self._process: subprocess.Popen[str] | None = None
        self._owner = os.getpid()
        self._finalizer: weakref.finalize | None = None

    def __reduce__(self) -> tuple[type[GuardedWorker], tuple[float]]:
        return GuardedWorker, (self.timeout_s,)

    def __enter__(self) -> GuardedWorker:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def map(self, notation: str, function: str, arguments: Sequence[Sequence[str | int]]) -> list[Result]:
        """Call a public function of a notation once for each tuple of arguments.

        Args:
            notation: Name of a notation, such as `smiles`.
            function: Name of one of its public functions, such as `same`.
            arguments: N sequences of positional arguments (text or numbers).

        Returns:
            N results in the order of the arguments, as a loop over them would give.

        Raises:
            ValueError: If the notation or function does not exist.
            RuntimeError: If the child process does not start.
        """
        items = [list(item) for item in arguments]
        results: list[Result] = []
        failed_starts = 0
        while len(results) < len(items):
            chunk = items[len(results) : len(results) + _CHUNK]
            try:
                began = self._ask(notation, function, chunk, results)
            except BaseException:
                self.close()  # otherwise its remaining answers would be read as answers to the next request
                raise
            failed_starts = 0 if began else failed_starts + 1
            if failed_starts == _MAX_STARTS:
                raise RuntimeError(
                    f"Expected `{sys.executable} -m {__name__}` to answer, but it ended {_MAX_STARTS} times before "
                    "it began. Its last messages are on standard error; run it by hand to see them."
                )
        return results

    def map_together(
        self, notation: str, function: str, columns: Sequence[Sequence[str | int]]
    ) -> tuple[list[Any], dict[int, str]]:
        """Do the same as `map` with one reply for all calls: several times faster if a call takes microseconds.

        If the child dies, no result is known, so all calls are repeated one by one.

        Args:
            notation: Name of a notation, such as `smiles`.
            function: Name of one of its public functions, such as `normalize`.
            columns: The first arguments of the N calls, then the second ones, and so on.

        Returns:
            The N values, None where a call failed, and the errors by the number of the call.

        Raises:
            ValueError: If the notation or function does not exist.
            RuntimeError: If the child process does not start.
        """
        try:
            process = self._send(notation, function, {"columns": [list(column) for column in columns]})
            line = "" if process is None or process.stdout is None else process.stdout.readline()
        except BaseException:
            self.close()
            raise
        if is_answer(line):
            values, errors = json.loads(line)
            return values, {int(number): error for number, error in errors.items()}
        self.close()
        results = self.map(notation, function, list(zip(*columns, strict=True)))
        return [result.value for result in results], {
            number: result.error for number, result in enumerate(results) if result.error is not None
        }

    def _send(self, notation: str, function: str, calls: dict[str, Any]) -> subprocess.Popen[str] | None:
        """Send one request and return the child that began with it, or None if it ended before."""
        process = self._start()
        assert process.stdin is not None
        assert process.stdout is not None
        request = {"notation": notation, "function": function, "timeout_s": self.timeout_s, **calls}
        with contextlib.suppress(BrokenPipeError):
            # The child reads the whole request before it answers, so there is no deadlock.
            process.stdin.write(json.dumps(request) + "\n")
            process.stdin.flush()
        greeting = process.stdout.readline()
        if not greeting.endswith("\n"):
            self.close()
            return None
        refusal = json.loads(greeting)
        if refusal is not None:
            raise ValueError(refusal)
        return process

    def _ask(self, notation: str, function: str, chunk: list[list[str | int]], results: list[Result]) -> bool:
        """Send one request and append a result for each of its items, as far as the child gets.

        Returns:
            False if the child ended before it began with the request: then no item is the cause.
        """
        process = self._send(notation, function, {"arguments": chunk})
        if process is None:
            return False
        assert process.stdout is not None
        for _ in chunk:
            answer = process.stdout.readline()
            if not is_answer(answer):
                timed_out = was_alarm(answer, process.wait())
                results.append(Result(None, "timeout" if timed_out else "crashed"))
                self.close()
                break
            results.append(Result(*json.loads(answer)))
        return True

    def _start(self) -> subprocess.Popen[str]:
        """Return this process's child; start it if necessary."""
        if self._owner != os.getpid():  # this process was forked from the owner
            self.close()
            self._owner = os.getpid()
        if self._process is None:
            path = os.pathsep.join(filter(None, [str(PROJECT), os.environ.get("PYTHONPATH")]))
            self._process = subprocess.Popen(
                [sys.executable, "-m", "datamodules.workers.guarded_worker"],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                encoding="ascii",
                cwd=PROJECT,  # -m searches the current folder first, and the user's may hold a `json.py`
                env={**os.environ, "PYTHONPATH": path},
            )
            self._finalizer = weakref.finalize(self, _stop, self._process, self._owner)
        return self._process

    def close(self) -> None:
        """Kill the child, if there is one; it holds nothing worth saving."""
        if self._finalizer is not None:
            self._finalizer()
            self._finalizer = self._process = None


def _stop(process: subprocess.Popen[str], owner: int) -> None:
    """Kill and reap a child; in a process that was forked from its owner, only release it."""
    if os.getpid() == owner:
        process.kill()
        process.wait()
    else:
        process.returncode = 0  # only the owner can wait for it; without this, deletion warns
    for stream in (process.stdin, process.stdout):
        if stream is not None:
            with contextlib.suppress(OSError):  # unsent text of a broken pipe
                stream.close()


def _find_function(notation: str, function: str) -> Callable[..., Any]:
    """Return a public function that a notation's own file defines.

    Raises:
        ValueError: If the notation or function does not exist; the message lists those that do.
    """
    module = load_notation(notation)
    functions = {
        name: value
        for name, value in inspect.getmembers(module, inspect.isfunction)
        if value.__module__ == module.__name__ and not name.startswith("_")
    }
    if function not in functions:
        raise ValueError(
            f"The notation {notation} has no function {function!r} (it has: {', '.join(functions)})."
        )
    return functions[function]


def serve() -> None:
    """Answer requests from standard input until it ends.

    The first line of an answer is null or a refusal. Then comes one line per call (`arguments`) or one line for all calls
    (`columns`).
    """
    # Ctrl-C reaches the whole process group, but only the parent ends this process.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    prepare()
    answers = os.fdopen(os.dup(1), "w", encoding="ascii")
    os.dup2(2, 1)  # a library's output must not be read as an answer

    call = partial(_call, answers.fileno())

    def answer(content: object) -> None:
        answers.write(json.dumps(content) + "\n")
        answers.flush()

    for line in sys.stdin:
        request = json.loads(line)
        try:
            function = _find_function(request["notation"], request["function"])
        except ValueError as error:
            answer(str(error))
            continue
        answer(None)
        if "columns" in request:
            calls = zip(*request["columns"], strict=True)
            results = [call(function, arguments, request["timeout_s"]) for arguments in calls]
            errors = {
                number: result.error for number, result in enumerate(results) if result.error is not None
            }
            answer(([result.value for result in results], errors))
            continue
        for arguments in request["arguments"]:
            answer(call(function, arguments, request["timeout_s"]))


def _call(output: int, function: Callable[..., Any], arguments: Sequence[Any], timeout_s: float) -> Result:
    """Call a function under an alarm that ends this process."""
    set_alarm(timeout_s, output)
    try:
        result = Result(function(*arguments), None)
    except Exception as error:
        result = Result(None, f"{type(error).__name__}: {error}")
    stop_alarm()  # before writing, because a slow reader is not a slow call
    return result


if __name__ == "__main__":
    serve()
