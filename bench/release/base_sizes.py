"""Does pretraining help, and up to how many examples?

`python -m bench.release.base_sizes`, then the same with `--report`.

Fine-tunes a base from its pretrained and from random weights, with the same tokenizer, steps, rows and seeds, and appends
one line per cell to docs/base_sizes.jsonl. Finished cells are skipped, so it can be stopped and restarted. Each cell runs at
each learning rate; the page shows the one with the better validation exact match, measured on test.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from collections import defaultdict
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from bench.markdown import DOCS, as_table
from bench.studies.cells import count_steps, run_train
from bench.studies.results import Result, append_result, read_results
from callbacks.statistics.intervals import wilson_interval
from datamodules.stages import evaluated_rows

RESULTS = DOCS / "base_sizes.jsonl"
EPOCHS = {100: 100, 1_000: 20, 10_000: 4}
"""Passes by number of examples: 700, 1,260 and 2,500 steps of 16, for both kinds of weights."""
RATES = (1e-3, 2e-3)
SEEDS = (0, 1, 2)
MEASURES = ("exact_match", "validity")


class Cell(NamedTuple):
    """One run."""

    base: str
    init: str
    examples: int
    rate: float
    seed: int


def plan(base: str, sizes: Sequence[int], rates: Sequence[float], seeds: Sequence[int]) -> list[Cell]:
    """Return all cells, those of the first seed first, so that a table without a range over seeds is ready early."""
    return [
        Cell(base, init, size, rate, seed)
        for seed in seeds
        for size in sizes
        for rate in rates
        for init in ("pretrained", "random")
    ]


def missing(cells: Sequence[Cell], results: Sequence[Result]) -> list[Cell]:
    """Return the cells without a result."""
    done = {tuple(result[name] for name in Cell._fields) for result in results}
    return [cell for cell in cells if tuple(cell) not in done]


def run_cell(cell: Cell, epochs: int, flags: Sequence[str] = ()) -> Result:
    """Fine-tune, validate once at the end, and test, in a temporary folder.

    Args:
        cell: The cell to run.
        epochs: Passes over its examples.
        flags: Further flags of the fit.

    Returns:
        The cell, its steps and seconds, and for `val` and `test` the number of rows and the shares exact and valid.

    Raises:
        RuntimeError: If a command fails.
    """
    fit = [
        "fit", "--name", "cell", "--model.base", cell.base, "--model.init", cell.init,
        "--model.optimizer.lr", str(cell.rate), "--data.train_rows", str(cell.examples),
        "--seed_everything", str(cell.seed), "--trainer.max_epochs", str(epochs),
        "--trainer.check_val_every_n_epoch", str(epochs),
        "--trainer.enable_progress_bar", "false", "--wandb.offline", "true", *flags,
    ]  # fmt: skip
    last = "runs/cell/checkpoints/last.ckpt"
    with tempfile.TemporaryDirectory() as folder:
        run_train(fit, Path(folder))
        run_train(["test", "--ckpt_path", last], Path(folder))
        summary = json.loads((Path(folder) / "runs/cell/summary.json").read_text(encoding="utf-8"))
        steps = count_steps(Path(folder) / last)
    result: Result = {
        **cell._asdict(),
        "steps": steps,
        "epochs": epochs,
        "seconds": summary["fit"]["seconds"],
    }
    for stage in ("fit", "test"):
        [(task, metrics)] = summary[stage]["tasks"].items()
        result["task"] = task
        result[evaluated_rows(stage)] = {
            "rows": metrics["rows"], **{measure: metrics[measure] for measure in MEASURES if measure in metrics}
        }  # fmt: skip
    return result


def best_rates(results: Sequence[Result]) -> Iterator[tuple[tuple[str, int], float, list[Result]]]:
    """Yield for each (init, examples) the learning rate with the best mean validation exact match, and its results."""
    groups: dict[tuple[str, int], dict[float, list[Result]]] = defaultdict(lambda: defaultdict(list))
    for result in results:
        groups[result["init"], result["examples"]][result["rate"]].append(result)
    for key, rates in sorted(groups.items(), key=lambda item: (item[0][1], item[0][0])):
        rate = max(
            rates, key=lambda rate: sum(r["val"]["exact_match"] for r in rates[rate]) / len(rates[rate])
        )
        yield key, rate, rates[rate]


def table(results: Sequence[Result]) -> str:
    """Return the Markdown table: one line for each number of examples and kind of weights."""
    lines = []
    for (init, examples), rate, found in best_rates(results):
        cells = [_estimate(found, measure) for measure in MEASURES]
        steps = sorted({result["steps"] for result in found})
        lines.append(
            (f"{examples:,}", init, *cells, f"{rate:g}", ", ".join(map(str, steps)), str(len(found)))
        )
    header = (
        "examples",
        "weights",
        "exact match (95 %)",
        "well-formed (95 %)",
        "learning rate",
        "steps",
        "seeds",
    )
    return as_table(header, lines)


def _estimate(results: Sequence[Result], measure: str) -> str:
    """Return the mean over seeds and the Wilson interval for one seed's test rows, since all seeds have the same rows."""
    rows = results[0]["test"]["rows"]
    mean = sum(result["test"].get(measure, 0.0) for result in results) / len(results)
    low, high = wilson_interval(mean * rows, rows)
    spread = [result["test"].get(measure, 0.0) for result in results]
    seeds = f"; seeds {100 * min(spread):.1f} to {100 * max(spread):.1f}" if len(results) > 1 else ""
    return f"{100 * mean:.1f} % ({100 * low:.1f} to {100 * high:.1f}{seeds})"


def write_page(results: Sequence[Result], docs: Path = DOCS) -> None:
    """Write docs/bases.md from docs/bases.in.md and the results."""
    text = (docs / "bases.in.md").read_text(encoding="utf-8")
    (docs / "bases.md").write_text(text.replace("<!-- base_sizes -->\n", table(results)), encoding="utf-8")


def main(argv: list[str] | None = None) -> None:
    """Run the missing cells, or write the page."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--base", default="bundled", help="a base with pretrained weights")
    parser.add_argument("--sizes", type=int, nargs="+", default=list(EPOCHS), choices=list(EPOCHS))
    parser.add_argument("--rates", type=float, nargs="+", default=list(RATES))
    parser.add_argument("--seeds", type=int, nargs="+", default=list(SEEDS))
    parser.add_argument("--results", type=Path, default=RESULTS, help="results file; lines are appended")
    parser.add_argument("--report", action="store_true", help="write docs/bases.md instead")
    arguments = parser.parse_args(argv)
    cells = plan(arguments.base, arguments.sizes, arguments.rates, arguments.seeds)
    if arguments.report:
        write_page(read_results(arguments.results, parts={}))
        return
    for cell in missing(cells, read_results(arguments.results, parts={})):
        result = run_cell(cell, EPOCHS[cell.examples])
        append_result(arguments.results, result)
        sys.stdout.write(json.dumps(result) + "\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
