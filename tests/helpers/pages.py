"""Read the Markdown pages of the project: their links, their files and their commands."""

from __future__ import annotations

import json
import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

from tests.helpers.runs import PROJECT

PAGES = {
    str(path.relative_to(PROJECT)): path.read_text(encoding="utf-8")
    for path in (
        PROJECT / "README.md",
        PROJECT / "CONTRIBUTING.md",
        *sorted((PROJECT / "docs").glob("*.md")),
    )
    if not path.name.endswith(".in.md")
}
"""The text of each page, by its path."""


def bash_lines(text: str) -> list[str]:
    """Return the commands of a page's bash blocks in their order, without comments."""
    blocks = re.findall(r"```bash\n(.*?)```", text, flags=re.DOTALL)
    return [line.split("  #")[0].strip() for block in blocks for line in block.splitlines() if line.strip()]


def named_files(text: str) -> dict[str, str]:
    """Return the files that a page tells to write: each block after a line such as "File `my_task.yaml`:", by its path."""
    return dict(re.findall(r"^File `([^`]+)`:\n\n```\w+\n(.*?)^```", text, flags=re.DOTALL | re.MULTILINE))


def link_targets(text: str) -> list[str]:
    """Return the files that a page links to, without anchors."""
    without_code = re.sub(r"^```.*?^```", "", text, flags=re.DOTALL | re.MULTILINE)
    return re.findall(r"\]\((?!https?:|#)([^)#\s]+)", without_code)


IN_TURN = """
import contextlib, io, json, os, runpy, sys

said, plain = [], dict(os.environ)
for variables, words in json.load(sys.stdin):
    os.environ.clear()
    os.environ.update({**plain, **variables})
    sys.argv = words
    with contextlib.redirect_stdout(io.StringIO()) as out:
        runpy.run_path(words[0], run_name="__main__")
    said.append(out.getvalue())
print(json.dumps(said))
"""
"""Runs scripts one after another."""


def split_line(line: str) -> tuple[dict[str, str], list[str]]:
    """Return the variables before a command `python ...`, and the words after it."""
    parts = shlex.split(line)
    at = parts.index("python")
    return dict(part.split("=", 1) for part in parts[:at]), parts[at + 1 :]


def run_python(
    words: list[str], folder: Path, variables: dict[str, str], given: str | None = None, timeout: float = 240
) -> subprocess.CompletedProcess[str]:
    """Run Python in a folder, whose modules are imported instead of this checkout's."""
    inherited = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    return subprocess.run(
        [sys.executable, *words],
        cwd=folder,
        env={**inherited, "WANDB_MODE": "disabled", "OMP_NUM_THREADS": "1", **variables},
        input=given,
        capture_output=True,
        text=True,
        timeout=timeout,
        check=False,
    )


def run_line(line: str, folder: Path, extra: list[str]) -> subprocess.CompletedProcess[str]:
    """Run a command of a page in a folder, with any `VARIABLE=value` before it.

    Args:
        line: `python ...`, perhaps with variables before it.
        folder: Where to run it; its modules are imported instead of this checkout's.
        extra: Arguments to append.
    """
    variables, words = split_line(line)
    return run_python([*words, *extra], folder, variables)


def run_in_turn(lines: dict[str, list[str]], folder: Path) -> dict[str, str]:
    """Run commands of a page in one process, which loads PyTorch once; return what each printed.

    Args:
        lines: Commands `python SCRIPT ...`, perhaps with variables before them, and the arguments to append to each.
        folder: Where to run them; its modules are imported instead of this checkout's.
    """
    split = [(variables, [*words, *lines[line]]) for line in lines for variables, words in [split_line(line)]]
    done = run_python(["-c", IN_TURN], folder, {}, json.dumps(split), timeout=280)
    assert done.returncode == 0, (done.stdout[-1000:], done.stderr[-2000:])
    return dict(zip(lines, json.loads(done.stdout.splitlines()[-1]), strict=True))
