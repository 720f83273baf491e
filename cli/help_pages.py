"""Saved help pages: `python train.py fit --help` prints at once, without loading PyTorch.

Building a page takes seconds, because it imports Lightning and all classes. `make help-pages` writes the pages to
`configs/help/`, and a test keeps them equal to the flags that the command line accepts.
"""

from __future__ import annotations

from collections.abc import Sequence

from cli.screen.completion import SHELLS, completion_script
from configs.lookup import CONFIGS
from configs.program import PROGRAM

FOLDER = CONFIGS / "help"
FLAGS = {"-h": "", "--help": "", "--help-all": "-all"}
"""The flags that ask for a page, and what its file's name ends with."""


def rename_program(page: str, program: str) -> str:
    r"""Return a page with another program name, its usage lines still aligned.

    Examples:
        >>> print(rename_program("usage: python train.py fit [-c CONFIG]\n                           [--name NAME]", "patois"))
        usage: patois fit [-c CONFIG]
                          [--name NAME]
    """
    usage, blank, rest = page.partition("\n\n")
    indent = " " * max(0, len(PROGRAM) - len(program))
    return (
        usage.replace(f"\n{indent}", "\n").replace(PROGRAM, program) + blank + rest.replace(PROGRAM, program)
    )


def help_command(args: Sequence[str], program: str = PROGRAM) -> str:
    """Return the command that lists the flags of a command line's subcommand.

    Examples:
        >>> help_command(["fit", "--nme", "mine"]), help_command(["fti"], "patois")
        ('python train.py fit --help', 'patois --help')
    """
    known = args[:1] if args and (FOLDER / f"{args[0]}.txt").is_file() and args[0] != "train" else []
    return " ".join([program, *known, "--help"])


def saved_help(args: Sequence[str], program: str = PROGRAM) -> str | None:
    """Return the saved page, or the script for a shell, that `args` request, or None if they request anything else.

    Args:
        args: The command-line arguments.
        program: The program's name in the returned page.
    """
    if len(args) == 2 and args[0] == "--completion" and args[1] in SHELLS:
        return completion_script(args[1], FOLDER / "flags.json")
    if len(args) not in (1, 2) or args[-1] not in FLAGS:
        return None
    ending = FLAGS[args[-1]] if len(args) == 2 else ""
    path = FOLDER / f"{args[0] if len(args) == 2 else 'train'}{ending}.txt"
    return rename_program(path.read_text(encoding="utf-8"), program) if path.is_file() else None
