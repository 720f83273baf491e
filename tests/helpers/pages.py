"""Read the Markdown pages of the project: their links, their files and their commands."""

from __future__ import annotations

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
    """Return what a page wants written: each block after a line such as "File `my_task.yaml`:", by its path."""
    return dict(re.findall(r"^File `([^`]+)`:\n\n```\w+\n(.*?)^```", text, flags=re.DOTALL | re.MULTILINE))


def link_targets(text: str) -> list[str]:
    """Return the files that a page links to, without anchors."""
    without_code = re.sub(r"^```.*?^```", "", text, flags=re.DOTALL | re.MULTILINE)
    return re.findall(r"\]\((?!https?:|#)([^)#\s]+)", without_code)


def run_line(line: str, folder: Path, further: list[str]) -> subprocess.CompletedProcess[str]:
    """Run a command of a page in a folder, `VARIABLE=value` before it understood.

    Args:
        line: `python ...`, perhaps with variables before it.
        folder: Where to run it; its modules are imported, not this checkout's.
        further: Words to add to it.
    """
    words = shlex.split(line)
    variables = dict(word.split("=", 1) for word in words[: words.index("python")])
    inherited = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    return subprocess.run(
        [sys.executable, *words[words.index("python") + 1 :], *further],
        cwd=folder,
        env={**inherited, "WANDB_MODE": "disabled", "OMP_NUM_THREADS": "1", **variables},
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
    )
