"""Make a run's page again from the files of its folder: `python -m callbacks.reports.page runs/mine`."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from callbacks.reports.page.render import FILE, write_page
from datamodules.storage.writable import find_obstacle


def find_latest(runs: Path) -> Path:
    """Return the run's folder that was written to last.

    Raises:
        ValueError: If there is none.
    """
    found = [path.parent for path in runs.glob("*/config.yaml")]
    if not found:
        raise ValueError(f"expected a run in {runs}, but found none; give a run's folder")
    return max(found, key=lambda run: (run.stat().st_mtime, run.name))


def main(arguments: Sequence[str] | None = None) -> None:
    """Read the command line, write the page, and print its path."""
    is_module = sys.argv[0].endswith("__main__.py")
    parser = argparse.ArgumentParser(
        prog="python -m callbacks.reports.page" if is_module else sys.argv[0],
        description="Write report.html into a run's folder, from its files.",
    )
    parser.add_argument(
        "run", type=Path, nargs="?", help="the run's folder, runs/NAME; default: the latest run"
    )
    options = parser.parse_args(arguments)
    try:
        run = options.run or find_latest(Path("runs"))
        if run.is_dir() and (obstacle := find_obstacle(run)):
            raise ValueError(
                f"Expected to write {run / FILE}, but {obstacle}: copy the run's folder to one of your own."
            )
        path = write_page(run)
    except ValueError as error:
        parser.exit(1, f"error: {error}\n")
    sys.stdout.write(f"{path}\n")


if __name__ == "__main__":
    main()
