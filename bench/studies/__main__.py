"""Run a study here: `python -m bench.studies run data_size`; `report data_size` rewrites its page.

Each result is appended to docs/results/STUDY.jsonl at once, and finished cells are skipped, so a study can be killed and
restarted. The page is docs/results/STUDY.md; STUDY.html is the same as one file with its plots inside, which git ignores.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

from bench.markdown import DOCS
from bench.studies.cells import remove_weights, run_cell
from bench.studies.grid import Flags, Study, expand, find_study, missing, of_study, read_study, words
from bench.studies.results import Result, append_result, read_results

RESULTS = DOCS / "results"
Runner = Callable[[str, Flags], Result]


def run_study(
    study: Study,
    path: Path,
    runner: Runner = run_cell,
    most: int | None = None,
    say: Callable[[str], object] = print,
    tidy: Callable[[str, Flags], None] | None = None,
) -> int:
    """Run the cells that are missing from a results file, and append a line after each.

    Args:
        study: The study.
        path: The results file.
        runner: Called with the study's name and a cell; returns the result.
        most: Maximum number of cells to run; default all.
        say: Receives progress messages.
        tidy: Called with the study's name and the cell once its result is on the disk.

    Returns:
        The number of cells that were run.
    """
    cells = expand(study)
    left = missing(cells, read_results(path))
    say(f"{study.name}: {len(cells)} cells, {len(cells) - len(left)} done before")
    for number, cell in enumerate(left[:most], start=1):
        say(f"cell {number} of {len(left)}: {' '.join(words(cell))}")
        begun = time.monotonic()
        append_result(path, runner(study.name, cell))
        if tidy is not None:
            tidy(study.name, cell)
        say(f"  {(time.monotonic() - begun) / 60:.1f} min")
    return len(left[:most])


def _say(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


def main(argv: Sequence[str] | None = None) -> None:
    """Run a study, or write its report."""
    parser = argparse.ArgumentParser(
        prog="python -m bench.studies", description=(__doc__ or "").split("\n")[0]
    )
    parser.add_argument(
        "what", choices=("run", "report", "list"), help="list: show the cells, and which are done"
    )
    parser.add_argument("study", help="a name in configs/studies, or the path of a W&B sweep file")
    parser.add_argument("--set", action="append", default=[], metavar="FLAG=VALUE", dest="changes",
                        help="override a flag of the file, e.g. model.base=bundled or seed_everything=[0,1,2]")  # fmt: skip
    parser.add_argument("--results", type=Path, default=RESULTS, help="folder of the results and the pages")
    parser.add_argument("--html", type=Path, default=None, metavar="PATH",
                        help="the page as one HTML file; default STUDY.html in that folder")  # fmt: skip
    parser.add_argument("--cells", type=int, default=None, help="maximum number of cells to run now")
    parser.add_argument("--precision", default=None, metavar="32-true",
                        help="trainer's precision, default the machine's; stored with each result")  # fmt: skip
    parser.add_argument("--keep", action="store_true", help="keep the checkpoints of the cells")
    options = parser.parse_args(argv)
    try:
        study = read_study(find_study(options.study), options.changes)
        path = options.results / f"{study.name}.jsonl"
        if options.cells is not None and options.cells < 0:
            raise ValueError(f"Expected --cells to be 0 or more, but got {options.cells}.")
        if options.what == "list":
            left = missing(expand(study), read_results(path))
            for cell in expand(study):
                _say(f"{'missing' if cell in left else 'done   '} {' '.join(words(cell))}")
            return
        if options.what == "run":
            run = partial(run_cell, precision=options.precision)
            run_study(study, path, run, options.cells, _say, None if options.keep else remove_weights)
        from bench.studies.report import write_report

        lines = read_results(path)
        results = of_study(study, lines)
        if others := len(lines) - len(results):
            _say(f"{others} lines of {path} are skipped: repeated, or of cells outside the study.")
        _say(f"report: {write_report(study, results, options.results, options.html)}")
    except (ValueError, RuntimeError) as error:
        parser.exit(1, f"error: {error}\n")


if __name__ == "__main__":
    main()
