"""Make lightning_modules/flagship from runs, and its model cards from tests of the exported weights.

For each part (`names` or `draws`), `python -m bench.release.flagship` with `export --part names --run runs/names` writes the best
weights in fp16; `python train.py test --model.base flagship ...` tests them; `external --part names --pairs FILE` asks for pairs
of another source; `card --part names --run runs/names --test runs/test-names` writes the card. `make flagship` does all of it but
the pairs.

A run from `--model.base flagship` continues from the weights that ship. docs/results/flagship/<part>/runs.jsonl has one line for
each such run, back to the one that started from another base.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from bench.release.flagship import external
from bench.release.flagship.card import write_card
from bench.release.flagship.export import export
from bench.release.flagship.parts import PARTS
from bench.studies.results import append_result


def main(argv: Sequence[str] | None = None) -> None:
    """Export the weights, measure them on other pairs, or write the card."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("what", choices=("export", "external", "card"))
    parser.add_argument("--part", choices=list(PARTS), required=True, help="which weights")
    parser.add_argument("--run", type=Path, help="export, card: folder of the fit, runs/NAME")
    parser.add_argument("--test", type=Path, help="card: folder of the test of the exported weights")
    parser.add_argument("--pairs", type=Path, help="external: a table with the columns smiles and iupac")
    parser.add_argument("--rows", type=int, help="external: so many rows only")
    parser.add_argument(
        "--untrained",
        type=Path,
        help="card: folder of a test of the base without training, for a line of its own",
    )
    options = parser.parse_args(argv)
    part = PARTS[options.part]
    needs = {"export": ("run",), "external": ("pairs",), "card": ("run", "test")}[options.what]
    if missing := [f"--{name}" for name in needs if getattr(options, name) is None]:
        parser.error(f"{options.what} needs {' and '.join(missing)}")
    if options.what == "export":
        export(options.run, part)
    elif options.what == "external":
        append_result(external.FILE, external.measure(part, options.pairs, options.rows))
    else:
        sys.stdout.write(write_card(options.run, options.test, part, untrained=options.untrained))


if __name__ == "__main__":
    main()
