"""Measure training on verified own answers against equal further steps: `python -m bench.release.improve --source new.csv`.

For each seed `improve` runs twice from the same weights: on real rows alone (the control), and on real and kept rows. Both are
tested on the same rows. Results are appended to docs/results/improve.jsonl, and what stands there is not run again; after a kill
the same command goes on. docs/results/improve.md is written from the file: whether more answers are right, and whether exact
match, preferred names, readability and length stay within the control's interval, as they do unless the reward is gamed.
"""

from __future__ import annotations

import argparse
import base64
import hashlib
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bench.markdown import DOCS, as_table
from bench.studies.cells import QUIET, git_revision, run_train
from bench.studies.results import Result, append_result, read_results
from callbacks.reports.compare.answers import find_table, key_rows
from callbacks.reports.compare.pairs import compare_verdicts, format_comparison
from callbacks.rows.outcomes import RIGHT, estimate_right
from callbacks.statistics.intervals import bootstrap_interval

RESULTS = DOCS / "results" / "improve.jsonl"
PAGE = DOCS / "results" / "improve.md"
TEST = Path(__file__).with_name("improve.yaml")
PARTS = {
    "arm": str, "seed": int, "task": str, "rows": int, "asked": str, "right": str, "metrics": dict, "rounds": list, "flags": list,
    "revision": str,
}  # fmt: skip
ARMS: Mapping[str, tuple[str, ...]] = {"control": ("--real", "1"), "improved": ()}
"""The fits, and the flags in which they differ."""
LEAST_ROWS = 2_000
KEPT = {
    "exact_match": "exact match, %", "preferred_name": "preferred names, %", "readable": "read by OPSIN, %",
    "validity": "well-formed, %", "length": "characters an answer",
}  # fmt: skip
"""What may not leave the control's interval, and how the page calls it."""


def measure(arm: str, seed: int, task: str, flags: Sequence[str], test_rows: int, folder: Path) -> Result:
    """Run `improve`, test its last round, and return the line."""
    name = f"improve-{arm}-{seed}"
    run_train(["improve", "--task", task, "--name", name, "--seed", str(seed), *flags, *ARMS[arm]], folder)
    lines = (folder / "runs" / name / "rounds.jsonl").read_text(encoding="utf-8").splitlines()
    rounds = [json.loads(line) for line in lines]
    run = folder / str(rounds[-1]["run"])
    last = str(run / "checkpoints" / "last.ckpt")
    rows = [
        "--data.test_rows",
        str(test_rows),
        "--data.task",
        str(folder / "runs" / name / "tasks" / f"{task}.yaml"),
    ]
    run_train(["test", "--ckpt_path", last, "--config", str(TEST), *rows, *QUIET], folder)
    table, _ = find_table(run)
    summary = json.loads((run / "summary.json").read_text(encoding="utf-8"))["test"]["tasks"][task]
    return {
        "arm": arm, "seed": seed, "task": task, **pack_right(table, task), "metrics": estimate(summary, table, task),
        "rounds": rounds, "flags": list(flags), "revision": git_revision(),
    }  # fmt: skip


def pack_right(table: Sequence[Mapping[str, str]], task: str) -> dict[str, Any]:
    """Return the number of a task's rows, a digest of them, and one bit a row: whether its answer is right."""
    rows = {key: row for key, row in key_rows(table).items() if key[0] == task}
    keys = sorted(rows)
    bits = np.packbits([rows[key]["verdict"] in RIGHT for key in keys])
    return {
        "rows": len(keys), "asked": hashlib.sha256(repr(keys).encode()).hexdigest()[:16],
        "right": base64.b64encode(bits.tobytes()).decode(),
    }  # fmt: skip


def unpack_right(line: Result) -> NDArray[np.bool_]:
    """Return whether each answer of a line is right, (N,)."""
    bits = np.frombuffer(base64.b64decode(line["right"]), dtype=np.uint8)
    return np.unpackbits(bits, count=line["rows"]).astype(bool)


def estimate(
    summary: Mapping[str, float], table: Sequence[Mapping[str, str]], task: str
) -> dict[str, list[float]]:
    """Return [value, low, high] of what the page shows, as far as it was measured."""
    lengths = np.array([len(row["prediction"]) for row in table if row["task"] == task], dtype=float)
    found = {"length": [float(lengths.mean()), *bootstrap_interval(lengths)]}
    right = estimate_right(summary)
    for name, values in (("right", right), *((name, summary) for name in KEPT)):
        if name in values:
            found[name] = [values[name], values[f"{name}_low"], values[f"{name}_high"]]
    return found


def write_page(lines: Sequence[Result]) -> str:
    """Return the page: right answers paired by rows, then what may not leave the control's interval, then the yields."""
    pairs = find_pairs(lines)
    parts = [TEXT, "## Right answers\n", as_table(
        ("seed", "rows", "control, %", "improved, %", "points (95 %)", "only the control is right", "only the improved is right",
         "McNemar's p"), [describe_pair(*pair) for pair in pairs])]  # fmt: skip
    parts += ["## What the reward does not see\n", as_table(
        ("", "seed", "control (95 %)", "improved", "within"),
        [row for name in KEPT for pair in pairs if (row := describe_kept(name, *pair))])]  # fmt: skip
    parts += ["## Yield\n", as_table(
        ("seed", "round", "inputs", "candidates", "distinct", "passed", "all right", "mixed", "all wrong", "kept"),
        [row for line in lines if line["arm"] == "improved" for row in describe_rounds(line)])]  # fmt: skip
    return "\n".join(parts)


def find_pairs(lines: Sequence[Result]) -> list[tuple[Result, Result]]:
    """Return the control and the improved model of each seed that has both on the same rows."""
    found = []
    for seed in sorted({line["seed"] for line in lines}):
        of_seed = {line["arm"]: line for line in lines if line["seed"] == seed}
        if set(of_seed) == set(ARMS) and len({line["asked"] for line in of_seed.values()}) == 1:
            found.append((of_seed["control"], of_seed["improved"]))
    return found


def describe_pair(control: Result, improved: Result) -> list[str]:
    """Return a seed's line of the first table."""
    first, second = unpack_right(control), unpack_right(improved)
    compared = compare_verdicts(control["task"], "right", first, second)
    shares = [f"{100 * value:.1f}" for value in (compared.first, compared.second)]
    return [str(control["seed"]), f"{compared.rows:,}", *shares, *format_comparison(compared)]


def describe_kept(name: str, control: Result, improved: Result) -> list[str] | None:
    """Return a seed's line about what may not change, or None if it was not measured."""
    if not all(name in line["metrics"] for line in (control, improved)):
        return None
    scale = 1 if name == "length" else 100
    value, low, high = (scale * part for part in control["metrics"][name])
    other = scale * improved["metrics"][name][0]
    within = "yes" if low <= other <= high else "above" if other > high else "below"
    return [
        KEPT[name],
        str(control["seed"]),
        f"{value:.1f} ({low:.1f} to {high:.1f})",
        f"{other:.1f}",
        within,
    ]


def describe_rounds(line: Result) -> list[list[str]]:
    """Return the lines of a seed's rounds."""
    names = ("inputs", "candidates", "distinct", "passed", "all_right", "mixed", "all_wrong", "kept")
    return [
        [str(line["seed"]), str(one["round"]), *(f"{one[name]:,}" for name in names)]
        for one in line["rounds"]
    ]


TEXT = """# Training on verified own answers

The [flagship](../../lightning_modules/flagship/README.md), trained further by `improve` ([how](../improve.md)) on real rows alone
(the control) and on real rows and its own answers that OPSIN reads as the molecule of the question, for as many steps at the same
rate; both tested on the same held-out rows. *Within* says whether the improved model lies in the control's 95 % interval over
rows. `python -m bench.release.improve` makes this page.
"""


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure what is missing, and write the page."""
    parser = argparse.ArgumentParser(
        description=(__doc__ or "").split("\n")[0],
        epilog="Other flags go to `improve`: --rounds 3 --steps 200 --inputs 2000.",
    )
    parser.add_argument("--task", default="smiles_to_iupac")
    parser.add_argument("--seeds", type=int, nargs="*", default=[0, 1, 2])
    parser.add_argument("--test_rows", type=int, default=LEAST_ROWS)
    parser.add_argument("--folder", type=Path, default=Path("."), help="where the folder runs is made")
    options, flags = parser.parse_known_args(arguments)
    if options.test_rows < LEAST_ROWS:
        parser.error(f"Expected --test_rows to be {LEAST_ROWS:,} or more, but got {options.test_rows:,}.")
    of_others = [
        line
        for line in read_results(RESULTS, PARTS)
        if (line["task"], line["flags"]) != (options.task, flags)
    ]
    if of_others:  # a page that mixes them would compare what does not compare
        one = of_others[0]
        parser.error(
            f"Expected the task and flags of the lines in {RESULTS.name} ({one['task']}, {' '.join(one['flags']) or 'no flags'}),"
            f" but got {options.task}, {' '.join(flags) or 'no flags'}: give the same, or remove the file."
        )
    for seed in options.seeds:
        for arm in ARMS:
            if (arm, seed) in {(line["arm"], line["seed"]) for line in read_results(RESULTS, PARTS)}:
                continue
            folder = options.folder.resolve()
            append_result(RESULTS, measure(arm, seed, options.task, flags, options.test_rows, folder))
            PAGE.write_text(write_page(read_results(RESULTS, PARTS)), encoding="utf-8")


if __name__ == "__main__":
    main()
