"""Standard input and output of `predict`: `--data.predict_path -` and `--output -`."""

from __future__ import annotations

import contextlib
import io
import os
import shutil
import sys
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path

from callbacks.loggers.terminal import STDOUT
from cli.argv import flag_value, without_flag

INPUT_VARIABLE, OUTPUT_VARIABLE = "PATOIS_STDIN", STDOUT
"""Pass the files that stand for the streams to the other ranks, which start the same command."""
_SOURCE, _OUTPUT = "--data.predict_path", "--output"


@contextlib.contextmanager
def standard_streams(args: Sequence[str]) -> Iterator[list[str]]:
    """Give the words of a command line with files in place of `-`; afterwards write the answers to standard output.

    While answers go to standard output, everything else that is printed goes to standard error.

    Args:
        args: The command line.

    Raises:
        ValueError: If standard input is empty.
    """
    words = list(args)
    reads, writes = (flag_value(words, flag) == "-" for flag in (_SOURCE, _OUTPUT))
    if words[:1] != ["predict"] or not (reads or writes):
        yield words
        return
    with contextlib.ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="patois-")))
        if reads:
            path, flags = _read_input(folder)
            stack.enter_context(_variable(INPUT_VARIABLE, str(path)))
            has_header_flag = flag_value(words, "--data.header") is not None
            words = [*without_flag(words, _SOURCE), _SOURCE, str(path), *([] if has_header_flag else flags)]
        if not writes:
            yield words
            return
        if (given := os.environ.get(OUTPUT_VARIABLE)) is not None:  # another rank
            yield [*without_flag(words, _OUTPUT), _OUTPUT, given]
            return
        from datamodules.sources.output.names import find_suffix, strip_gz  # loads rdkit and pyarrow

        suffix = strip_gz(find_suffix(flag_value(words, _SOURCE) or ""))
        output = folder / f"answers{suffix if suffix in ('.csv', '.tsv', '.jsonl') else '.csv'}"
        stack.enter_context(_variable(OUTPUT_VARIABLE, str(output)))
        with _printing_to_stderr() as stdout:
            yield [*without_flag(words, _OUTPUT), _OUTPUT, str(output)]
            if output.is_file():
                with contextlib.suppress(BrokenPipeError), output.open("rb") as answers:
                    shutil.copyfileobj(answers, stdout)
                    stdout.flush()


def _read_input(folder: Path) -> tuple[Path, list[str]]:
    """Return a file with what standard input holds, and the flags to read it with."""
    if (given := os.environ.get(INPUT_VARIABLE)) is not None:  # another rank
        path = Path(given)
        return path, flags_of_list(path.read_bytes()) if path.suffix == ".txt" else []
    data = sys.stdin.buffer.read()
    if not data.strip():
        raise ValueError(f"{_SOURCE} -: expected a table or lines on standard input, but it is empty.")
    path = folder / f"stdin{find_kind(data)}"
    path.write_bytes(data)
    return path, flags_of_list(data) if path.suffix == ".txt" else []


def find_kind(data: bytes) -> str:
    r"""Return the ending of a file with such content: a table, or `.txt` for plain lines.

    >>> find_kind(b"id,smiles\n1,CCO\n"), find_kind(b"CCO\nCCN\n"), find_kind(b'{"a": "b"}\n'), find_kind(b"a\tb\nc\td\n")
    ('.csv', '.txt', '.jsonl', '.csv')
    """
    if data.startswith(b"PAR1"):
        return ".parquet"
    if data.startswith(b"PK\x03\x04"):
        return ".xlsx"
    from datamodules.sources.tables.separator import ONE_COLUMN, find_separator

    text = data.decode("utf-8", errors="replace").removeprefix("\ufeff")
    if text.lstrip().startswith("{"):
        return ".jsonl"
    lines = io.StringIO(text.replace("\r\n", "\n"), newline="\n").readlines()
    return ".txt" if find_separator(lines, ".txt").mark == ONE_COLUMN else ".csv"


def flags_of_list(data: bytes) -> list[str]:
    r"""Return the flag that makes the first of some lines a question, too, unless it can only be a column's name.

    >>> flags_of_list(b"CCO\n"), flags_of_list(b"smiles\nCCO\n")
    (['--data.header', 'false'], [])
    """
    from datamodules.sources.tables.header import holds_names

    text = data.decode("utf-8", errors="replace").removeprefix("\ufeff")
    first, *below = [[line.strip()] for line in text.splitlines() if line.strip()]
    return [] if holds_names(first, below or [first]) else ["--data.header", "false"]


@contextlib.contextmanager
def _variable(name: str, value: str) -> Iterator[None]:
    was = os.environ.get(name)
    os.environ[name] = value
    try:
        yield
    finally:
        if was is None:
            del os.environ[name]
        else:
            os.environ[name] = was


@contextlib.contextmanager
def _printing_to_stderr() -> Iterator[io.BufferedIOBase]:
    """Let what this process and its children print go to standard error; give the standard output as it was."""
    sys.stdout.flush()
    with os.fdopen(os.dup(1), "wb") as stdout:
        os.dup2(2, 1)
        try:
            with contextlib.redirect_stdout(sys.stderr):
                yield stdout
        finally:
            os.dup2(stdout.fileno(), 1)
