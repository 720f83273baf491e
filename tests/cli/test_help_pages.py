from __future__ import annotations

import sys

import pytest

from cli.help_pages import FOLDER, rename_program, saved_help
from cli.main import main
from configs.program import PROGRAM, program_name
from tests.helpers.parsing import parse


@pytest.mark.parametrize(
    ("path", "name"),
    [
        ("train.py", PROGRAM), ("/patois/train.py", PROGRAM), ("-c", PROGRAM), ("", PROGRAM), ("/x/bin/patois", "patois"),
        ("patois", "patois"), ("C:/venv/Scripts/patois.exe", "patois"), ("/x/bin/patois-2", PROGRAM),
        ("/x y/bin/patois report", "patois"),
    ],
)  # fmt: skip
def test_program_name_is_what_the_user_typed(path: str, name: str) -> None:
    assert program_name(path) == name


@pytest.mark.parametrize("page", sorted(path.name for path in FOLDER.glob("*.txt")))
def test_rename_program_changes_nothing_but_the_name(page: str) -> None:
    text = (FOLDER / page).read_text(encoding="utf-8")
    renamed = rename_program(text, "patois")
    assert PROGRAM in text
    assert PROGRAM not in renamed
    assert rename_program(text, PROGRAM) == text
    assert renamed.split() == text.replace(PROGRAM, "patois").split()
    indents = [
        [len(line) - len(line.lstrip()) for line in one.partition("\n\n")[0].splitlines()[1:]]
        for one in (text, renamed)
    ]
    assert indents[1] == [indent - len("python train.py") + len("patois") for indent in indents[0]]


def test_saved_help_is_none_for_other_words() -> None:
    assert saved_help(["fit"]) is None
    assert saved_help(["nothing", "--help"]) is None


def test_installed_command_shows_its_own_name(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "argv", ["/x/bin/patois", "fit", "--help"])
    main()
    assert capsys.readouterr().out.startswith("usage: patois fit [flags]")
    with pytest.raises(SystemExit):
        parse(["fit", "--no_such_flag", "1"])
    assert "See `patois fit --help`." in capsys.readouterr().err
