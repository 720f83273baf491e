"""What else answers the same rows: rules, a copy of the nearest training row, the untrained base. A model has to be better."""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Callable, Sequence
from functools import partial
from importlib.util import find_spec
from pathlib import Path
from typing import Any, NamedTuple

from lightning.pytorch import LightningModule, Trainer
from rapidfuzz import process
from rapidfuzz.distance import Levenshtein
from rich.console import Console

from callbacks.metrics.row_reader import RowReader
from callbacks.metrics.stratified_match import stratify_rows
from callbacks.rows.evaluated_row import EvaluatedRow, Stage, gather_by_index
from callbacks.rows.evaluation import Evaluation
from callbacks.rows.outcomes import RIGHT, Outcome
from callbacks.rows.protocols import EvaluatedModel, EvaluationData, evaluated_model, evaluation_data
from callbacks.rows.structures import holds_structures, read_structures
from callbacks.rows.training_molecules import TrainingMolecules
from callbacks.run.run_facts import output_folder
from callbacks.statistics.intervals import wilson_interval
from callbacks.statistics.strata import COLUMNS as strata_columns
from callbacks.statistics.strata import stratify
from datamodules.storage.safe_csv import read_csv, write_csv
from datamodules.workers.opsin import why_unavailable
from datamodules.workers.worker_pool import WorkerPool

COLUMNS = ("task", "system", "rows", "answered", "exact_match", "exact_match_low", "exact_match_high", "right",
           "right_low", "right_high", "validity", "seconds")  # fmt: skip
MOST_PAIRS = 50_000_000  # of texts to be compared for the nearest one: about 20 s on two cores

NAMING_SECONDS = 10.0
"""Most time for a name by rules: on a busy machine 1 % of small molecules took more than the 2 s of other questions."""

UNTRAINED = "untrained base"
Answers = list[str | None]


class Baseline(NamedTuple):
    """A system that answers rows of one task; None where it has no answer."""

    name: str
    answer: Callable[[Evaluation], Answers]
    """Takes the rows of one task."""
    most_rows: int | None = None
    """It answers only so many rows of a task, the first ones."""


def answer_by_opsin(asked: Evaluation) -> Answers:
    """Return the molecule that OPSIN reads each name as, canonical, in the task's output notation."""
    read = read_structures(asked.calls, "iupac", [row.input for row in asked.rows], with_names=True)
    answers = [one.smiles if one else None for one in read]
    if asked.rows[0].output_notation == "smiles":
        return answers
    known = iter(asked.calls.call("selfies", "from_smiles", [(smiles,) for smiles in answers if smiles]))
    return [next(known).value if smiles else None for smiles in answers]


def _read_inputs(asked: Evaluation) -> Answers:
    """Return the molecules of inputs that are structures, as SMILES."""
    inputs = [row.input for row in asked.rows]
    read = read_structures(asked.calls, asked.rows[0].input_notation, inputs, with_names=False)
    return [one.smiles if one else None for one in read]


def answer_by_openclatura(asked: Evaluation) -> Answers:
    """Return openclatura's name of each molecule; None for one that takes it more than `NAMING_SECONDS`."""
    molecules = _read_inputs(asked)
    with WorkerPool(timeout_s=NAMING_SECONDS) as pool:
        names = iter(pool.ask([("iupac", "name_by_rules", (smiles,)) for smiles in molecules if smiles]))
    return [next(names).value if smiles else None for smiles in molecules]


def copy_nearest_molecule(asked: Evaluation) -> Answers:
    """Return the target of the training row whose input molecule is most similar (Tanimoto, Morgan radius 2)."""
    task = asked.rows[0].task
    nearest = asked.training.find_nearest(task, [smiles or "" for smiles in _read_inputs(asked)])
    targets = [target for texts in asked.training.texts(task) for target in texts.outputs]
    return [targets[place] if place >= 0 else None for place in nearest.place.tolist()]


def copy_nearest_text(asked: Evaluation) -> Answers:
    """Return the target of the training row whose input is most similar (Levenshtein similarity), the first of several."""
    texts, rows = asked.training.texts(asked.rows[0].task), asked.rows
    inputs = [given for one in texts for given in one.inputs]
    targets = [target for one in texts for target in one.outputs]
    if not inputs:
        return [None] * len(rows)
    answers: Answers = []
    step = max(1, 20_000_000 // len(inputs))  # 80 MB of similarities
    for start in range(0, len(rows), step):
        part = [row.input for row in rows[start : start + step]]
        table = process.cdist(part, inputs, scorer=Levenshtein.normalized_similarity, workers=-1)
        answers += [targets[place] for place in table.argmax(axis=1).tolist()]
    return answers


def find_baselines(row: EvaluatedRow, num_trained: int) -> list[Baseline]:
    """Return the systems that can answer the rows of a task, those that are installed.

    Args:
        row: One of them.
        num_trained: How many training rows its task has.
    """
    found = []
    if row.input_notation == "iupac" and holds_structures(row.output_notation) and why_unavailable() is None:
        found.append(Baseline("OPSIN (rules)", answer_by_opsin))
    if holds_structures(row.input_notation) and row.output_notation == "iupac" and find_spec("openclatura"):
        found.append(Baseline("openclatura (rules)", answer_by_openclatura))
    if holds_structures(row.input_notation):
        found.append(Baseline("nearest training molecule", copy_nearest_molecule))
    elif num_trained and (most := MOST_PAIRS // num_trained):
        found.append(Baseline("nearest training input", copy_nearest_text, most))
    return found


def answer_by_base(model: EvaluatedModel, data: EvaluationData, asked: Evaluation) -> Answers:
    """Return what the base answers before any fine-tuning, asked in the same format."""
    texts = model.answer_untrained(data.questions("test", [row.index for row in asked.rows]))
    return [
        data.extract("test", row.index, text).strip() for row, text in zip(asked.rows, texts, strict=True)
    ]


class Baselines(RowReader):
    """Lets other systems answer the rows of `test`, and writes how they do beside the model to `anchors.csv`.

    Names are read by OPSIN, molecules named by openclatura (each only where it is installed: the extras `opsin` and
    `openclatura`), and the answer of the most similar training row is copied. `right` counts other spellings and, where
    names are read, other names of the right molecule. `summary.json` and the table at the end have them, too.
    `anchor_strata.csv` tells them apart by kind of row, as `strata.csv` does the model, but for `nearest_training`.

    Args:
        untrained_rows: At most so many rows of a task, the first ones, are also answered by the base before any
            fine-tuning, where a checkpoint is tested; 0 for none. It seldom stops, so that each takes `max_new_tokens`.
    """

    stages = ("test",)

    def __init__(self, untrained_rows: int = 200) -> None:
        super().__init__()
        self.untrained_rows = untrained_rows

    def read_rows(
        self, trainer: Trainer, pl_module: LightningModule, stage: Stage, evaluation: Evaluation
    ) -> None:
        """Gather the rows on rank 0, let others answer them there, and write."""
        judged = zip(evaluation.rows, evaluation.outcomes, evaluation.invalid_reasons, strict=True)
        gathered = gather_by_index({row.index: (row, outcome, why) for row, outcome, why in judged})
        if not trainer.is_global_zero:
            return
        lines: list[dict[str, Any]] = []
        strata: list[dict[str, Any]] = []
        for task in dict.fromkeys(row.task for row, _, _ in gathered.values()):
            rows, outcomes, reasons = zip(
                *(one for one in gathered.values() if one[0].task == task), strict=True
            )
            answers = [row.prediction for row in rows]
            lines.append(describe_system("model", rows, answers, outcomes, reasons))
            for baseline in self._choose(trainer, pl_module, rows[0], evaluation.training):
                asked = evaluation.of(rows[: baseline.most_rows])
                began = time.perf_counter()
                answers = baseline.answer(asked)
                seconds = round(time.perf_counter() - began, 1)
                line, answered = judge_system(baseline.name, asked, answers)
                lines.append(line | {"seconds": seconds})
                strata += [{"system": baseline.name, **kind} for kind in stratify(stratify_rows(answered))]
        write_csv(output_folder(trainer) / "anchors.csv", COLUMNS, lines)
        write_csv(output_folder(trainer) / "anchor_strata.csv", ("system", *strata_columns), strata)

    def _choose(
        self, trainer: Trainer, pl_module: LightningModule, row: EvaluatedRow, training: TrainingMolecules
    ) -> list[Baseline]:
        """Return the systems that answer the rows of a task, of which one is given, and say who they are."""
        systems = find_baselines(row, sum(len(texts.inputs) for texts in training.texts(row.task)))
        if trainer.ckpt_path and self.untrained_rows:
            untrained = partial(answer_by_base, evaluated_model(pl_module), evaluation_data(trainer))
            systems.append(Baseline(UNTRAINED, untrained, self.untrained_rows))
        if systems:  # they can take longer than the model did
            names = ", ".join(baseline.name for baseline in systems)
            text = f"{row.task}: the same rows for {names}"
            Console().print(text, markup=False, highlight=False, soft_wrap=True)
        return systems


def judge_system(
    name: str, asked: Evaluation, answers: Sequence[str | None]
) -> tuple[dict[str, Any], Evaluation]:
    """Return how another system's answers to the rows of one task do, in all and each; no answer is a wrong one."""
    answered = asked.of(
        [
            dataclasses.replace(row, prediction=answer or "", stopped=True)
            for row, answer in zip(asked.rows, answers, strict=True)
        ]
    )
    line = describe_system(name, answered.rows, answers, answered.outcomes, answered.invalid_reasons)
    return line, answered


def describe_system(
    name: str,
    rows: Sequence[EvaluatedRow],
    answers: Sequence[str | None],
    outcomes: Sequence[Outcome],
    invalid_reasons: Sequence[str | None],
) -> dict[str, Any]:
    """Return a system's line of the table, from what was decided about its answers to the rows of one task."""
    line: dict[str, Any] = {"task": rows[0].task, "system": name, "rows": len(rows)}
    line["answered"] = sum(bool(answer) for answer in answers)
    for column, kinds in (("exact_match", ("exact",)), ("right", RIGHT)):
        count = sum(outcome.name in kinds for outcome in outcomes)
        low, high = wilson_interval(count, len(rows))
        line |= {column: count / len(rows), f"{column}_low": low, f"{column}_high": high}
    line["validity"] = sum(reason is None for reason in invalid_reasons) / len(rows)
    return line


def read_baselines(folder: Path) -> list[dict[str, Any]]:
    """Return the lines that were written to a folder, but for the model's own; empty if none were."""
    path = folder / "anchors.csv"
    lines = read_csv(path) if path.is_file() else []
    return [
        {name: cell if name in ("task", "system") else float(cell or "nan") for name, cell in line.items()}
        for line in lines
        if line["system"] != "model"
    ]
