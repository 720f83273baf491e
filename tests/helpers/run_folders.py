"""A run's folder with the files that `fit` and `test` write, made at once and of any content."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from callbacks.metrics.error_classes import tabulate
from callbacks.reports.epoch_table import write_epochs
from callbacks.run.command_record import record_command
from callbacks.statistics.intervals import wilson_interval
from configs.yaml_text import write_yaml
from datamodules.storage.safe_csv import write_csv

ROWS = [
    {"task": "draw", "input": "ethanol", "target": "CCO", "prediction": "CCO", "verdict": "exact", "outcome": "exact"},
    {"task": "draw", "input": "benzene", "target": "c1ccccc1", "prediction": "CCC", "verdict": "wrong", "outcome": "formula"},
    {"task": "draw", "input": "propane", "target": "CCC", "prediction": "C(", "verdict": "invalid", "outcome": "invalid",
     "reason": "unbalanced parenthesis"},
    {"task": "spell", "input": "7", "target": "VII", "prediction": "IIX", "verdict": "wrong", "outcome": "different"},
]  # fmt: skip


def write_fit(run: Path, rows: Sequence[Mapping[str, str]] = ROWS, epochs: int = 2) -> Path:
    """Write what a fit of some epochs leaves in a run's folder; return the folder."""
    run.mkdir(parents=True, exist_ok=True)
    settings = {
        "seed_everything": 3,
        "trainer": {"max_epochs": 2},
        "model": {"base": "bundled"},
        "data": {"format": "arrow"},
    }
    (run / "config.yaml").write_text(write_yaml(settings))
    (run / "checkpoints").mkdir(exist_ok=True)
    (run / "data.json").write_text(
        json.dumps({"sources": {"pairs.csv": 9}, "rows": {"train": 5}, "set_aside": {"empty": 1}})
    )
    write_csv(
        run / "set_aside.csv",
        ["file", "line", "reason", "text"],
        [{"file": "pairs.csv", "line": 4, "reason": "empty", "text": ""}],
    )
    changed = {"data.batch_size": (16, 8), "wandb.tags": ([], ["<script>alert(2)</script>"])}
    record_command(
        run, "python train.py fit --name mine", "2026-01-01 00:00:00", changed, "1 x cpu, 32-true", False
    )
    if epochs:
        _write_metrics(run, rows, epochs)
        write_epochs(run)
        _write_predictions(run / "predictions" / f"val_epoch_{epochs - 1}.csv", rows, detailed=False)
        _write_summary(run, "fit", rows, {"weights": "best.ckpt", "seconds": 75.0, "epoch": epochs - 1})
        (run / "checkpoints" / "best.ckpt").touch()
        (run / "hf").mkdir(exist_ok=True)
    return run


def write_test(run: Path, rows: Sequence[Mapping[str, str]] = ROWS) -> Path:
    """Write what `test` leaves in a run's folder; return the run's folder."""
    folder = run / "test"
    _write_predictions(folder / "predictions" / "test_epoch_1.csv", rows, detailed=True)
    columns = ("task", "outcome", "meaning", "reason", "rows", "of", "share", "low", "high")
    outcomes = [(row["task"], row["outcome"], row.get("reason")) for row in rows]
    write_csv(folder / "error_classes.csv", columns, tabulate(outcomes))
    bounds = {"low": 0.06, "high": 0.79}
    stratum = {"task": "draw", "stratum": "input_length", "bin": "0 to 10", "rows": 3, "exact": 1, "exact_match": 1 / 3, **bounds,
               "right": 1, "share_right": 1 / 3, "right_low": 0.06, "right_high": 0.79}  # fmt: skip
    write_csv(folder / "strata.csv", list(stratum), [stratum])
    bins = {"task": "draw", "from": 0.0, "to": 0.5, "rows": 3, "confidence": 0.4, "right": 1 / 3, **bounds}
    write_csv(folder / "calibration.csv", list(bins), [bins])
    (folder / "audit.json").write_text(
        json.dumps({"tasks": {"draw": {"rows": 3, "leaked": 2, "unanswerable": 1}}})
    )
    baseline = {
        "task": "draw",
        "system": "nearest <b>row</b>",
        "rows": 3.0,
        "exact_match": 0.25,
        "validity": 1.0,
    }
    _write_summary(run, "test", rows, {"weights": "best.ckpt", "seconds": 5.0, "anchors": [baseline]}, folder)
    return run


def _write_metrics(run: Path, rows: Sequence[Mapping[str, str]], epochs: int) -> None:
    tasks = list(dict.fromkeys(row["task"] for row in rows))
    columns = [
        "epoch",
        "step",
        "train/loss",
        "train/rows_per_second",
        "val/loss",
        "val/exact_match",
        "val/validity",
    ]
    columns += [
        f"val/{task}/{name}"
        for task in tasks
        for name in ("exact_match", "exact_match_low", "exact_match_high")
    ]
    lines: list[dict[str, float]] = []
    for epoch in range(epochs):
        step = 10 * epoch + 9
        lines.append({"epoch": epoch, "step": step - 5, "train/loss": 2.0 / (epoch + 1)})
        shares = {
            f"val/{task}/exact_match{end}": share
            for task in tasks
            for end, share in (("", 0.5), ("_low", 0.3), ("_high", 0.7))
        }
        lines.append(
            {"epoch": epoch, "step": step, "val/loss": 1.5 / (epoch + 1), "val/exact_match": 0.5, **shares}
        )
        lines.append({"epoch": epoch, "step": step, "train/rows_per_second": 41.0})
    text = [",".join(columns), *(",".join(str(line.get(name, "")) for name in columns) for line in lines)]
    (run / "metrics.csv").write_text("\n".join(text) + "\n")


def _write_predictions(path: Path, rows: Sequence[Mapping[str, str]], detailed: bool) -> None:
    columns = [
        "row",
        "task",
        "input",
        "target",
        "prediction",
        "verdict",
        "score",
        "input_notation",
        "output_notation",
    ]
    lines = [
        {"row": str(place), "score": "-0.693147", "input_notation": "text",
         "output_notation": "smiles" if row["task"] == "draw" else "text", **row}
        for place, row in enumerate(rows)
    ]  # fmt: skip
    write_csv(path, [*columns, *(("outcome", "reason", "read_as", "asked_for") if detailed else ())], lines)


def _write_summary(
    run: Path,
    stage: str,
    rows: Sequence[Mapping[str, str]],
    facts: Mapping[str, Any],
    own: Path | None = None,
) -> None:
    tasks: dict[str, dict[str, float]] = {}
    for task in dict.fromkeys(row["task"] for row in rows):
        of_task = [row for row in rows if row["task"] == task]
        exact = sum(row["verdict"] == "exact" for row in of_task)
        low, high = wilson_interval(exact, len(of_task))
        valid = sum(row["verdict"] != "invalid" for row in of_task) / len(of_task)
        tasks[task] = {"rows": len(of_task), "exact_match": exact / len(of_task), "exact_match_low": low,
                       "exact_match_high": high, "validity": valid}  # fmt: skip
        if stage == "test":
            tasks[task]["outcome_exact"] = exact / len(of_task)
    summary = {stage: {"tasks": tasks, **facts}}
    for path in {run, own or run}:
        file = path / "summary.json"
        before = json.loads(file.read_text()) if file.is_file() else {}
        file.write_text(json.dumps({**before, **summary}))
