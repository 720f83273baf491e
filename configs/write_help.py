"""Write the saved help pages: `python -m configs.write_help`."""

from __future__ import annotations

import contextlib
import io
import os
from collections.abc import Sequence

from configs.help import FOLDER
from configs.lookup import CONFIGS


def live_help(args: Sequence[str]) -> str:
    """Return what the command line itself prints for `args` and `--help`, at a fixed width and without colour."""
    import train

    output = io.StringIO()
    os.environ.update(COLUMNS="110", NO_COLOR="1")
    with contextlib.redirect_stdout(output), contextlib.suppress(SystemExit):
        train.run([*args, "--help"])
    return output.getvalue().replace(f"{CONFIGS.parent}/", "")


def page_names() -> dict[str, list[str]]:
    """Return each page's name and the words before `--help`."""
    from configs.cli import PatoisCLI

    return {"train": [], **{name: [name] for name in PatoisCLI.subcommands()}}


def main() -> None:
    """Write all pages."""
    FOLDER.mkdir(exist_ok=True)
    for name, args in page_names().items():
        (FOLDER / f"{name}.txt").write_text(live_help(args), encoding="utf-8")


if __name__ == "__main__":
    main()
