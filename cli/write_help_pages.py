"""Write the saved help pages: `python -m cli.write_help_pages [FOLDER]`."""

from __future__ import annotations

import contextlib
import io
import os
import re
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from cli.help_pages import FOLDER

DEFAULTS = "Default values below come from configs/default.yaml if it sets one.\n\n"


def live_help(args: Sequence[str]) -> str:
    """Return the command line's own output for `args` and `--help`, at a fixed width and without colour."""
    from cli.main import run

    output = io.StringIO()
    os.environ.update(COLUMNS="110", NO_COLOR="1")
    with contextlib.redirect_stdout(output), contextlib.suppress(SystemExit):
        run([*args, "--help"])
    # The parser wraps this paragraph by the length of this machine's path, so it would differ on other machines.
    return re.sub(r"default config file locations:\n.*?\n\n", DEFAULTS, output.getvalue(), flags=re.DOTALL)


def write_pages(folder: Path) -> None:
    """Write all pages into a folder; run it in a separate process, since it changes `sys.modules`."""
    # Where PEFT has installed accelerate, transformers would load it, and the pages would list its optimizers.
    modules: dict[str, Any] = sys.modules
    modules["accelerate"] = None
    folder.mkdir(exist_ok=True)
    (folder / "train.txt").write_text(live_help([]), encoding="utf-8")

    from cli.patois_cli import PatoisCLI

    for name in PatoisCLI.subcommands():
        (folder / f"{name}.txt").write_text(live_help([name]), encoding="utf-8")


if __name__ == "__main__":
    write_pages(Path(sys.argv[1]) if len(sys.argv) > 1 else FOLDER)
