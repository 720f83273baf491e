from __future__ import annotations

import re

import pytest

from cli.help_pages import FOLDER
from cli.screen.full_help import mend_page

PAGE = """usage: python train.py [options] fit [-h]
                                     [--trainer.x X]

options:
  --trainer.max_epochs MAX_EPOCHS
                        Stop after this many. Disabled by default (None). If unset, defaults to
                        ``max_epochs = 1000``. (type: int, default: 4)
  --trainer.logger LOGGER, --trainer.logger+ LOGGER
                        A ``True`` value uses the default ``TensorBoardLogger``. (type: bool, default: null)
  --data.test_rows N    Most rows; default all. (type: int | null, default: null)
  --model.peft CONFIG   Path to a configuration file.
"""


def test_a_flag_has_one_default() -> None:
    page = " ".join(mend_page(PAGE).split())
    assert "Stop after this many. (type: int, default: 4)" in page
    assert "beside metrics.csv and W&B; `false` logs nothing. (type: bool, default: null)" in page
    assert "Most rows; default all. (type: int | null)" in page
    assert page.startswith("usage: python train.py fit [flags] options: --trainer.max_epochs")


@pytest.mark.parametrize("path", sorted(FOLDER.glob("*-all.txt")), ids=lambda path: path.stem)
def test_no_flag_of_the_pages_has_two_defaults(path) -> None:
    blocks = re.split(r"\n(?=  -|\n|\S)", path.read_text(encoding="utf-8"))
    flags = [" ".join(block.split()) for block in blocks if block.startswith("  --")]
    assert len(flags) > 100
    for flag in flags:
        words, _, types = flag.rpartition(" (type: ")
        told = re.search(r"\bdefaults?\b(?!_)", words.partition(" ")[2], re.IGNORECASE)
        assert not (told and "default: null" in types), flag
        assert not (told and flag.startswith("--trainer.")), flag
