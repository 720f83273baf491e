"""docs/flags.md is tried out: the flags of its table are understood, and `show` shows."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

from tests.helpers.pages import PAGES, bash_lines
from tests.helpers.parsing import parse
from tests.helpers.runs import PROJECT, command_here

PAGE = PAGES["docs/flags.md"]
CELLS = [cell for cell in re.findall(r"^\| (.*?) \|", PAGE, flags=re.MULTILINE) if cell.startswith("`--")]


def test_flags_of_the_page_are_parsed() -> None:
    assert len(CELLS) > 25
    words = [
        word
        for cell in CELLS
        for flag in re.findall(r"`(--\S+[ =][^`]+)`", cell)
        for word in shlex.split(flag)
    ]
    configs = [word for place, word in enumerate(words) if "--config" in words[max(place - 1, 0) : place + 1]]
    others = [
        word for place, word in enumerate(words) if "--config" not in words[max(place - 1, 0) : place + 1]
    ]
    # Files first: what comes later wins, and the optimizer's class must stand before its settings.
    parse(["fit", *(word.replace("configs/", f"{PROJECT}/configs/") for word in configs), *others])


def test_show_marks_supervised_tokens(tmp_path: Path) -> None:
    [show] = [shlex.split(line)[2:] for line in bash_lines(PAGE) if " show " in line]
    result = command_here([*show, "--data.train_rows", "20", "--data.val_rows", "5", "--rows", "2"], tmp_path)
    assert result.returncode == 0, result.stderr[-2000:]
    assert result.stdout.count("smiles_to_iupac, arrow") == 2
    assert "->⟦" in result.stdout
