"""Measure the loss of answers against the number of demonstrations: `python -m bench.release.shot_losses`.

A base is asked with 0 to 6 demonstrations before each question as it is, after training with demonstrations of which only the
last answer is supervised, and after training with every answer supervised (`--data.loss_on answers`). The loss is that of the
asked answer alone, over the same test rows. Results are appended to docs/results/shot_losses.jsonl, and what stands there is not
run again; docs/results/shot_losses.md is written from the file.
"""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Sequence
from pathlib import Path
from statistics import mean, stdev

from bench.markdown import DOCS, as_table
from bench.studies.cells import run_train
from bench.studies.results import Result, append_result, read_results
from datamodules.storage.safe_csv import read_csv

RESULTS = DOCS / "results" / "shot_losses.jsonl"
PAGE = DOCS / "results" / "shot_losses.md"
PARTS = {"arm": str, "seed": int, "shots": int, "loss": float, "exact_match": float}
SHOTS = range(7)
TASK = ("--data.task", "name_small_molecules")
QUIET = ("--wandb.offline", "true", "--trainer.enable_progress_bar", "false")
ARMS = {
    "as it is": (),
    "trained on the last answer": ("--data.loss_on", "completion"),
    "trained on all answers": ("--data.loss_on", "answers"),
}
"""The weights that are asked, and the flags of their fit."""


def measure(arm: str, seed: int, rows: int, epochs: int) -> list[Result]:
    """Fit if the arm has a fit, then test with each number of demonstrations; return a line for each."""
    base, lines = "bundled", []
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        if ARMS[arm]:
            fit = [
                "fit",
                "--name",
                "fit",
                "--data.shots",
                "0-6",
                "--seed_everything",
                str(seed),
                *TASK,
                *QUIET,
            ]
            size = ["--data.train_rows", str(rows), "--trainer.max_epochs", str(epochs)]
            run_train([*fit, *size, *ARMS[arm]], folder)
            base = "runs/fit/hf"
        for shots in SHOTS:
            test = ["test", "--name", f"test-{shots}", "--model.base", base, "--data.shots", str(shots)]
            run_train([*test, *TASK, *QUIET], folder)
            [line] = read_csv(folder / "runs" / f"test-{shots}" / "test" / "metrics.csv")
            lines.append(
                {
                    "arm": arm, "seed": seed, "shots": shots, "loss": float(line["test/loss"]),
                    "exact_match": float(line["test/exact_match"]), "train_rows": rows, "epochs": epochs,
                }
            )  # fmt: skip
    return lines


def write_page(lines: Sequence[Result]) -> str:
    """Return the page: the loss and the exact match of each arm for each number of demonstrations."""
    shots = sorted({line["shots"] for line in lines})
    parts = [TEXT]
    for metric, title in (("loss", "Nats a token of the asked answer"), ("exact_match", "Exact match, %")):
        rows = []
        for arm in dict.fromkeys(line["arm"] for line in lines):
            values = [
                [line[metric] for line in lines if (line["arm"], line["shots"]) == (arm, k)] for k in shots
            ]
            rows.append([arm, *(_show(found, metric) for found in values), str(len(values[0]))])
        header = ["demonstrations:", *map(str, shots), "seeds"]
        parts.append(f"{title}:\n\n{as_table(header, rows)}")
    return "\n".join(parts)


def _show(values: Sequence[float], metric: str) -> str:
    scale, digits = (1, 3) if metric == "loss" else (100, 1)
    spread = f" ± {scale * stdev(values):.{digits}f}" if len(values) > 1 else ""
    return f"{scale * mean(values):.{digits}f}{spread}"


TEXT = """# Loss against demonstrations

Names of small molecules by the bundled base with 0 to 6 demonstrations from the training side before each question, over the same
test rows: as it is, and after training with 0 to 6 demonstrations a row, of which the last answer or all answers are
supervised. `python -m bench.release.shot_losses` makes it.
"""


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure what is missing, and write the page."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--seeds", type=int, nargs="*", default=[0, 1, 2])
    parser.add_argument("--rows", type=int, default=3000, help="training rows")
    parser.add_argument("--epochs", type=int, default=4)
    options = parser.parse_args(arguments)
    for seed in options.seeds:
        for arm in ARMS:
            known = {(line["arm"], line["seed"]) for line in read_results(RESULTS, PARTS)}
            # As it is, the base depends on no seed.
            if (arm, seed) in known or (not ARMS[arm] and seed != options.seeds[0]):
                continue
            for line in measure(arm, seed, options.rows, options.epochs):
                append_result(RESULTS, line)
            PAGE.write_text(write_page(read_results(RESULTS, PARTS)), encoding="utf-8")


if __name__ == "__main__":
    main()
