"""`patois recombined`: data made by rules and checked, for training; by default names made from names and read by OPSIN."""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

from callbacks.loggers.terminal import say
from configs.program import spell
from datamodules.making.chunks import Plan, make_rows, parts_of, read_provenance
from datamodules.making.held_out import read_held_out
from datamodules.making.names import Names
from datamodules.making.reactions import Reactions
from datamodules.making.recipe import Recipe
from datamodules.making.report import summarize
from datamodules.sources.recombined import default_path
from datamodules.storage.writable import check_file
from datamodules.workers.cores import count_cores
from datamodules.workers.opsin import how_to_read_names

RECIPES: dict[str, Callable[..., Recipe]] = {"names": Names, "reactions": Reactions}
_TELL_S = 15.0
_TASKS = {"names": "iupac_to_smiles:1,made_to_smiles:1", "reactions": "reactants_to_product"}


def read_options(args: Sequence[str] | None) -> argparse.Namespace:
    """Return the flags.

    Raises:
        ValueError: If a value cannot work.
    """
    parser = argparse.ArgumentParser(
        description="Make training data by rules and check each row; never a molecule that validation or test hold out."
    )
    parser.add_argument("--rows", type=int, default=200_000, help="rows of the file (default: %(default)s)")
    parser.add_argument("--seed", type=int, default=0, help="the same seed gives the same rows (default: 0)")
    parser.add_argument("--processes", type=int, default=count_cores(), help="default: one for each core")
    parser.add_argument(
        "--output",
        type=Path,
        help="the Parquet file; default: in the folder of the caches, where `--data.source recombined` finds it",
    )
    parser.add_argument(
        "--recipe", choices=sorted(RECIPES), default="names", help="what is made (default: names)"
    )
    parser.add_argument(
        "--held-out",
        type=Path,
        help="a table with a column smiles: none of its molecules is made, nor one with the same parent",
    )
    options = parser.parse_args(args)
    for name, least in (("rows", 1), ("seed", 0), ("processes", 1)):
        if getattr(options, name) < least:
            raise ValueError(f"Expected --{name} to be {least} or more, but got {getattr(options, name)}.")
    if options.output is not None and options.output.suffix != ".parquet":
        raise ValueError(f"Expected --output to end with .parquet, but got {str(options.output)!r}.")
    return options


def find_output(recipe: str, given: Path | None) -> Path:
    """Return the file to write.

    Raises:
        ValueError: If none is given and there is no folder of caches.
    """
    if given is not None:
        return given.expanduser()
    return default_path() if recipe == "names" else default_path().with_name(f"made_{recipe}.parquet")


def is_made(output: Path, plan: Plan, rows: int) -> bool:
    """Say whether a file holds just these rows already."""
    if not output.is_file():
        return False
    found = read_provenance(output)
    return {**found, **plan.describe(plan.recipe())} == found and found.get("rows") == rows


def advise(recipe: str, output: Path) -> str:
    """Return how to train on a made file."""
    if recipe == "names" and output == default_path():
        return f"Train on it, half real and half made: {spell('fit', '--data.task', _TASKS[recipe])}"
    if recipe == "names":
        return f"Train on it: copy configs/tasks/made_to_smiles.yaml, and write `source: {output}` there."
    return f"Train on it: {spell('fit', '--data.task', _TASKS[recipe], '--data.source', output)}"


def main(args: Sequence[str] | None = None) -> None:
    """Make the file, and print what became of the candidates.

    Raises:
        ValueError: If OPSIN is missing, or a flag cannot work.
    """
    options = read_options(args)
    if options.recipe == "names" and (steps := how_to_read_names()) is not None:
        raise ValueError(f"Expected OPSIN to read the names, but it is not there: {steps}.")
    output = find_output(options.recipe, options.output)
    check_file("--output", output)
    recipe = RECIPES[options.recipe]
    if options.held_out is not None:
        further = options.held_out.expanduser().resolve()
        read_held_out(further)  # a mistake in it is told now, and not by each process
        recipe = partial(recipe, further=further)
    plan = Plan(recipe, options.seed)
    if is_made(output, plan, options.rows):
        sys.stdout.write(
            f"{output} holds these {options.rows:,} rows already.\n{advise(options.recipe, output)}\n"
        )
        return
    began = told = time.monotonic()

    def tell(rows: int, chunks: int) -> None:
        nonlocal told
        if time.monotonic() - told > _TELL_S:
            told = time.monotonic()
            say(f"{rows:,} of {options.rows:,} rows ({chunks} chunks in {parts_of(output)})", error=True)

    made = make_rows(plan, options.rows, output, options.processes, tell)
    seconds = time.monotonic() - began
    fewer = "" if made.rows == options.rows else f" (asked: {options.rows:,}; the rules give no more)"
    sys.stdout.write(
        f"{summarize(made.counts)}{fewer} in {seconds:.0f} s: {output}\n{advise(options.recipe, output)}\n"
    )
