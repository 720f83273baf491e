"""A run's folder with a task with choices and one of numbers, as `fit` leaves it, made at once."""

from __future__ import annotations

import json
from pathlib import Path

from callbacks.reports.epoch_table import write_epochs
from datamodules.storage.safe_csv import write_csv

METRICS = """epoch,step,val/auroc,val/mae_all,val/toxic/auroc,val/toxic/auroc_low,val/logp/mae_all,val/toxic/exact_match
0,9,0.8,0.9,0.8,0.7,0.9,0.5
1,19,0.9,0.61,0.9,0.8,0.61,0.75
"""
ANSWERS = [("no", "no", 0.9), ("no", "no", 0.6), ("no", "yes", 0.4), ("yes", "yes", 0.2)]
"""Target, answer, and the probability of `no`."""


def write_kinds(run: Path, metrics: str = METRICS) -> Path:
    """Write the folder; return it."""
    rows = [
        {"row": str(place), "task": "toxic", "input": f"C{place}", "target": target, "prediction": answer,
         "verdict": "exact" if target == answer else "wrong", "same_string": str(target == answer).lower(),
         "input_notation": "text", "output_notation": "text", "score": "-0.5", "p_no": f"{chance:.6f}",
         "p_yes": f"{1 - chance:.6f}"}
        for place, (target, answer, chance) in enumerate(ANSWERS)
    ]  # fmt: skip
    write_csv(run / "predictions" / "val_epoch_1.csv", list(rows[0]), rows)
    (run / "config.yaml").write_text("model: {base: bundled}\ndata: {format: labels, task: [toxic, logp]}\n")
    (run / "metrics.csv").write_text(metrics)
    write_epochs(run)
    tasks = {
        "toxic": {"rows": 4, "auroc": 0.9, "auroc_low": 0.8, "auroc_high": 0.95, "balanced_accuracy": 0.7, "exact_match": 0.75},
        "logp": {"rows": 4, "mae_all": 0.61, "exact_match": 0.0, "validity": 1.0},
    }  # fmt: skip
    anchors = [{"task": "toxic", "system": "most frequent class", "rows": 4.0, "auroc": 0.5}]
    summary = {
        "tasks": tasks,
        "units": {"logp": "°C"},
        "anchors": anchors,
        "weights": "best.ckpt",
        "epoch": 1,
    }
    (run / "summary.json").write_text(json.dumps({"fit": summary}))
    return run
