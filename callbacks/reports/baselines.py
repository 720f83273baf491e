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

from callbacks.metrics.round_trip import reads_names
from callbacks.metrics.row_reader import RowReader
from callbacks.metrics.stratified_match import stratified_rows
from callbacks.rows.evaluated_row import EvaluatedRow, Stage, gather_by_index
from callbacks.rows.nearest_training import nearest_training, training_texts
from callbacks.rows.notation_calls import call
from callbacks.rows.notation_pool import Judges
from callbacks.rows.outcomes import RIGHT, Outcome, outcomes_of
from callbacks.rows.structures import holds_structures, read_structures
from callbacks.rows.verdicts import judge_validity
from callbacks.run.run_facts import output_folder
from callbacks.statistics.intervals import wilson_interval
from callbacks.statistics.strata import COLUMNS as strata_columns
from callbacks.statistics.strata import stratify
from datamodules.notations._unicode import compose
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
_namers = Judges(timeout_s=NAMING_SECONDS)


class Anchor(NamedTuple):
    """A system that answers rows of one task; None where it has no answer."""

    name: str
    answer: Callable[[Any, Sequence[EvaluatedRow]], Answers]
    """Takes the data module and the rows."""
    most_rows: int | None = None
    """It answers only so many rows of a task, the first ones."""


def answer_by_opsin(datamodule: Any, rows: Sequence[EvaluatedRow]) -> Answers:
    """Return the molecule that OPSIN reads each name as, canonical, in the task's output notation."""
    read = read_structures("iupac", [row.input for row in rows], with_names=True)
    answers = [one.smiles if one else None for one in read]
    if rows[0].output_notation == "smiles":
        return answers
    known = iter(call("selfies", "from_smiles", [(smiles,) for smiles in answers if smiles]))
    return [next(known).value if smiles else None for smiles in answers]


def answer_by_openclatura(datamodule: Any, rows: Sequence[EvaluatedRow]) -> Answers:
    """Return openclatura's name of each molecule; None for one that takes it more than `NAMING_SECONDS`."""
    read = read_structures(rows[0].input_notation, [row.input for row in rows], with_names=False)
    molecules = [one.smiles if one else None for one in read]
    names = iter(_namers.ask([("iupac", "name_by_rules", (smiles,)) for smiles in molecules if smiles]))
    return [next(names).value if smiles else None for smiles in molecules]


def copy_nearest_molecule(datamodule: Any, rows: Sequence[EvaluatedRow]) -> Answers:
    """Return the target of the training row whose input molecule is most similar (Tanimoto, Morgan radius 2)."""
    read = read_structures(rows[0].input_notation, [row.input for row in rows], with_names=False)
    smiles = [one.smiles or "" if one else "" for one in read]
    with WorkerPool() as pool:
        nearest = nearest_training(datamodule, rows[0].task, smiles, pool)
    targets = [target for texts in training_texts(datamodule, rows[0].task) for target in texts.outputs]
    return [targets[place] if place >= 0 else None for place in nearest.place.tolist()]


def copy_nearest_text(datamodule: Any, rows: Sequence[EvaluatedRow]) -> Answers:
    """Return the target of the training row whose input is most similar (Levenshtein similarity), the first of several."""
    texts = training_texts(datamodule, rows[0].task)
    inputs = [given for one in texts for given in one.inputs.composed()]
    targets = [target for one in texts for target in one.outputs]
    if not inputs:
        return [None] * len(rows)
    answers: Answers = []
    step = max(1, 20_000_000 // len(inputs))  # 80 MB of similarities
    for start in range(0, len(rows), step):
        asked = [compose(row.input) for row in rows[start : start + step]]
        table = process.cdist(asked, inputs, scorer=Levenshtein.normalized_similarity, workers=-1)
        answers += [targets[place] for place in table.argmax(axis=1).tolist()]
    return answers


def anchors_for(row: EvaluatedRow, num_trained: int) -> list[Anchor]:
    """Return the systems that can answer the rows of a task, those that are installed.

    Args:
        row: One of them.
        num_trained: How many training rows its task has.
    """
    found = []
    if row.input_notation == "iupac" and holds_structures(row.output_notation) and why_unavailable() is None:
        found.append(Anchor("OPSIN (rules)", answer_by_opsin))
    if holds_structures(row.input_notation) and row.output_notation == "iupac" and find_spec("openclatura"):
        found.append(Anchor("openclatura (rules)", answer_by_openclatura))
    if holds_structures(row.input_notation):
        found.append(Anchor("nearest training molecule", copy_nearest_molecule))
    elif num_trained and (most := MOST_PAIRS // num_trained):
        found.append(Anchor("nearest training input", copy_nearest_text, most))
    return found


def answer_by_base(pl_module: Any, datamodule: Any, rows: Sequence[EvaluatedRow]) -> Answers:
    """Return what the base answers before any fine-tuning, asked in the same format."""
    texts = pl_module.answer_untrained(datamodule.questions("test", [row.index for row in rows]))
    return [
        datamodule.extract("test", row.index, text).strip() for row, text in zip(rows, texts, strict=True)
    ]


class Anchors(RowReader):
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
        self.untrained_rows = untrained_rows

    def read_rows(
        self, trainer: Trainer, pl_module: LightningModule, stage: Stage, rows: list[EvaluatedRow]
    ) -> None:
        """Gather the rows on rank 0, answer and judge them there, and write."""
        with_names = reads_names(trainer, rows)
        gathered = gather_by_index({row.index: row for row in rows})
        if not trainer.is_global_zero:
            return
        datamodule: Any = trainer.datamodule  # type: ignore[attr-defined]
        lines: list[dict[str, Any]] = []
        strata: list[dict[str, Any]] = []
        for task in dict.fromkeys(row.task for row in gathered.values()):
            of_task = [row for row in gathered.values() if row.task == task]
            line, _ = judge_system("model", of_task, [row.prediction for row in of_task], with_names)
            lines.append(line)
            trained = sum(len(texts.inputs) for texts in training_texts(datamodule, task))
            systems = anchors_for(of_task[0], trained)
            if trainer.ckpt_path and self.untrained_rows:
                systems.append(Anchor(UNTRAINED, partial(answer_by_base, pl_module), self.untrained_rows))
            if systems:  # they can take longer than the model did
                names = ", ".join(anchor.name for anchor in systems)
                Console().print(
                    f"{task}: the same rows for {names}", markup=False, highlight=False, soft_wrap=True
                )
            for anchor in systems:
                asked = of_task[: anchor.most_rows]
                began = time.perf_counter()
                answers = anchor.answer(datamodule, asked)
                seconds = round(time.perf_counter() - began, 1)
                line, outcomes = judge_system(anchor.name, asked, answers, with_names)
                lines.append(line | {"seconds": seconds})
                kinds = stratify(stratified_rows(asked, outcomes))
                strata += [{"system": anchor.name, **kind} for kind in kinds]
        write_csv(output_folder(trainer) / "anchors.csv", COLUMNS, lines)
        write_csv(output_folder(trainer) / "anchor_strata.csv", ("system", *strata_columns), strata)


def judge_system(
    name: str, rows: Sequence[EvaluatedRow], answers: Sequence[str | None], with_names: bool
) -> tuple[dict[str, Any], list[Outcome]]:
    """Return how a system's answers to the rows of one task do, in all and each; no answer is a wrong one."""
    judged = [
        row if name == "model" else dataclasses.replace(row, prediction=answer or "", stopped=True)
        for row, answer in zip(rows, answers, strict=True)
    ]
    outcomes = outcomes_of(judged, with_names)
    line: dict[str, Any] = {"task": rows[0].task, "system": name, "rows": len(rows)}
    line["answered"] = sum(bool(answer) for answer in answers)
    for column, kinds in (("exact_match", ("exact",)), ("right", RIGHT)):
        count = sum(outcome.name in kinds for outcome in outcomes)
        low, high = wilson_interval(count, len(rows))
        line |= {column: count / len(rows), f"{column}_low": low, f"{column}_high": high}
    line["validity"] = sum(reason is None for reason in judge_validity(judged)) / len(rows)
    return line, outcomes


def read_anchors(folder: Path) -> list[dict[str, Any]]:
    """Return the lines that were written to a folder, but for the model's own; empty if none were."""
    path = folder / "anchors.csv"
    lines = read_csv(path) if path.is_file() else []
    return [
        {name: cell if name in ("task", "system") else float(cell or "nan") for name, cell in line.items()}
        for line in lines
        if line["system"] != "model"
    ]
