from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from cli.help_pages import FOLDER
from configs.lookup import CONFIGS


def test_saved_help_pages_and_flags_are_what_the_command_line_prints(tmp_path: Path) -> None:
    # In a process of its own: the pages list the subclasses that are loaded, and the tests load more.
    command = [sys.executable, "-m", "cli.write_help_pages", str(tmp_path)]
    subprocess.run(command, cwd=CONFIGS.parent, check=True, capture_output=True)
    pages = {path.name: path.read_text(encoding="utf-8") for path in tmp_path.iterdir()}
    saved = {path.name: path.read_text(encoding="utf-8") for path in FOLDER.iterdir()}
    assert len(pages) == 12
    assert pages == saved, "run `make help-pages`"
