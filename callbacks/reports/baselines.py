"""Baselines on the same rows: rules, a copy of the nearest training row, the base before this run. A model has to beat them."""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Callable, Sequence
from functools import partial
from importlib.util import find_spec
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from lightning.pytorch import LightningModule, Trainer

from callbacks.loggers.terminal import say
from callbacks.metrics.row_reader import PartReader
from callbacks.metrics.stratified_match import stratify_rows
from callbacks.reports.kind_baselines import (
    Answered,
    answer_by_sentence,
    answer_by_training,
    compare_texts,
    has_kind_baselines,
    measure,
    own_answers,
    read_inputs,
    score_parts,
)
from callbacks.rows.evaluated_row import EvaluatedRow, Stage, gather_by_index, keep_first
from callbacks.rows.evaluation import Evaluation
from callbacks.rows.outcomes import RIGHT, Outcome
from callbacks.rows.protocols import EvaluatedModel, EvaluationData, evaluated_model, evaluation_data
from callbacks.rows.structures import holds_structures, read_structures
from callbacks.rows.training_molecules import TrainingMolecules
from callbacks.rows.windows import find_best, rate
from callbacks.run.run_facts import output_folder
from callbacks.statistics.intervals import wilson_interval
from callbacks.statistics.strata import COLUMNS as strata_columns
from callbacks.statistics.strata import stratify
from datamodules.storage.safe_csv import read_csv, write_csv
from datamodules.workers.opsin import why_unavailable
from datamodules.workers.worker_pool import WorkerPool

COLUMNS = ("task", "system", "rows", "answered", "exact_match", "exact_match_low", "exact_match_high", "right",
           "right_low", "right_high", "validity", "seconds")  # fmt: skip
MOST_PAIRS = 50_000_000  # of texts compared to find the nearest one: about 20 s on two cores

NAMING_SECONDS = 10.0
"""Time limit of a name by rules: on a busy machine 1 % of small molecules took more than the 2 s of other calls."""

UNTRAINED = "base before this run"
Answers = list[str | None]


class Baseline(NamedTuple):
    """A system that answers the rows of one task."""

    name: str
    answer: Callable[[Evaluation], Answers]
    """Takes the rows of one task; returns None for a row that it cannot answer."""
    most_rows: int | None = None
    """The most rows of a task that it answers, the first ones; None for all."""


def answer_by_opsin(evaluation: Evaluation) -> Answers:
    """Return the molecule that OPSIN reads each name as, canonical, in the task's output notation."""
    read = read_structures(evaluation.calls, "iupac", [row.input for row in evaluation.rows], with_names=True)
    answers = [one.smiles if one else None for one in read]
    if evaluation.rows[0].output_notation == "smiles":
        return answers
    known = iter(evaluation.calls.call("selfies", "from_smiles", [(smiles,) for smiles in answers if smiles]))
    return [next(known).value if smiles else None for smiles in answers]


def answer_by_openclatura(evaluation: Evaluation) -> Answers:
    """Return openclatura's name of each molecule; None for one that takes it more than `NAMING_SECONDS`."""
    molecules = read_inputs(evaluation)
    with WorkerPool(timeout_s=NAMING_SECONDS) as pool:
        names = iter(pool.ask([("iupac", "name_by_rules", (smiles,)) for smiles in molecules if smiles]))
    return [next(names).value if smiles else None for smiles in molecules]


def copy_nearest_molecule(evaluation: Evaluation) -> Answers:
    """Return the target of the training row whose input molecule is most similar (Tanimoto, Morgan radius 2)."""
    task = evaluation.rows[0].task
    nearest = evaluation.training.find_nearest(task, [smiles or "" for smiles in read_inputs(evaluation)])
    targets = [target for texts in evaluation.training.texts(task) for target in texts.outputs]
    return [targets[place] if place >= 0 else None for place in nearest.place.tolist()]


def copy_nearest_text(evaluation: Evaluation) -> Answers:
    """Return the target of the training row whose input is most similar (Levenshtein similarity), the first of several."""
    texts, rows = evaluation.training.texts(evaluation.rows[0].task), evaluation.rows
    inputs = [given for one in texts for given in one.inputs.composed()]
    targets = [target for one in texts for target in one.outputs]
    if not inputs:
        return [None] * len(rows)
    answers: Answers = []
    for _, table in compare_texts([row.input for row in rows], inputs):
        answers += [targets[place] for place in table.argmax(axis=1).tolist()]
    return answers


def find_baselines(row: EvaluatedRow, num_trained: int) -> list[Baseline]:
    """Return the installed systems that can answer the rows of a task.

    Args:
        row: One of the rows.
        num_trained: Number of training rows of the task.
    """
    found = []
    if row.input_notation == "iupac" and holds_structures(row.output_notation) and why_unavailable() is None:
        found.append(Baseline("OPSIN (rules)", answer_by_opsin))
    if holds_structures(row.input_notation) and row.output_notation == "iupac" and find_spec("openclatura"):
        found.append(Baseline("openclatura (rules)", answer_by_openclatura))
    if row.output_notation == "answer":
        found.append(Baseline("nearest sentence", answer_by_sentence))
    if holds_structures(row.input_notation):
        found.append(Baseline("nearest training molecule", copy_nearest_molecule))
    elif num_trained and (most := MOST_PAIRS // num_trained):
        found.append(Baseline("nearest training input", copy_nearest_text, most))
    return found


def answer_by_base(model: EvaluatedModel, data: EvaluationData, evaluation: Evaluation) -> Answers:
    """Return the base's answers before any fine-tuning, prompted in the same format and the same windows."""
    prompts, outputs, best = _ask_base(model, data, evaluation.rows)
    return [data.extract("test", prompts[place], outputs["prediction"][place]).strip() for place in best]


def _ask_base(
    model: EvaluatedModel, data: EvaluationData, rows: Sequence[EvaluatedRow]
) -> tuple[list[int], dict[str, Any], list[int]]:
    """Return the prompts that ask rows, the base's answers to them, and the place of each row's best answer."""
    asked = [data.asked_as("test", row.index) for row in rows]
    prompts = [prompt for windows in asked for prompt in windows]
    outputs = model.answer_untrained(data.questions("test", prompts))
    if len(prompts) == len(rows):
        return prompts, outputs, list(range(len(rows)))
    places = np.repeat(np.arange(len(rows)), list(map(len, asked)))
    scored = zip(places.tolist(), *(outputs[name].tolist() for name in ("score", "num_tokens")), strict=True)
    rates = [rate(score, tokens, bool(rows[place].choices)) for place, score, tokens in scored]
    return prompts, outputs, find_best(places, np.array(rates)).tolist()


def answer_kind_by_base(
    model: EvaluatedModel, data: EvaluationData, rows: Sequence[EvaluatedRow]
) -> Answered:
    """Return the base's answers before any fine-tuning to rows with choices, or whose answers are numbers."""
    began = time.perf_counter()
    prompts, outputs, best = _ask_base(model, data, rows)
    if rows[0].choices:
        values = outputs["choices"].double().exp().cpu().numpy()[best, : len(rows[0].choices)]
    else:
        answers = [
            data.extract("test", prompts[place], outputs["prediction"][place]).strip() for place in best
        ]
        values = own_answers(
            [dataclasses.replace(row, prediction=text) for row, text in zip(rows, answers, strict=True)]
        ).values
    return Answered(UNTRAINED, values, round(time.perf_counter() - began, 1))


class Baselines(PartReader):
    """Lets other systems answer the rows of `test`, and writes their results and the model's to `anchors.csv`.

    OPSIN reads names, openclatura names molecules (each only if installed: the extras `opsin` and `openclatura`), and the
    answer of the most similar training row is copied. `right` also counts other spellings and, where names are read, other
    names of the right molecule. `summary.json` and the table at the end include the baselines. `anchor_strata.csv` holds
    their results by kind of row, as `strata.csv` does for the model, but without `nearest_training`. All of them, the model
    too, are measured on the first 100,000 rows of each task (`evaluated_row.MOST_ROWS`): the column `rows` says on how many.

    Args:
        untrained_rows: Most rows of a task, the first ones, that the base also answers before any fine-tuning when a
            checkpoint is tested; 0 for none. The base seldom stops, so each row takes `max_new_tokens`.
    """

    stages = ("test",)

    def __init__(self, untrained_rows: int = 200) -> None:
        super().__init__()
        self.untrained_rows = untrained_rows
        self._found: dict[int, tuple[EvaluatedRow, Outcome, str | None]] = {}
        self._last: Evaluation | None = None

    def begin(self) -> None:
        """Drop the rows of an evaluation that was stopped."""
        self._found = {}

    def read_part(
        self, trainer: Trainer, pl_module: LightningModule, stage: Stage, evaluation: Evaluation
    ) -> None:
        """Gather the rows on rank 0, which keeps the first of each task: the baselines answer all of these at once."""
        checked = zip(evaluation.rows, evaluation.outcomes, evaluation.invalid_reasons, strict=True)
        gathered = gather_by_index({row.index: (row, outcome, why) for row, outcome, why in checked})
        self._found = keep_first(self._found | gathered, lambda one: one[0].task)
        self._last = evaluation

    def finish(self, trainer: Trainer, pl_module: LightningModule, stage: Stage) -> None:
        """Let the baselines answer the rows on rank 0, and write the results."""
        gathered, self._found = self._found, {}
        evaluation, self._last = self._last, None
        if not trainer.is_global_zero:
            return
        assert evaluation is not None
        lines: list[dict[str, Any]] = []
        strata: list[dict[str, Any]] = []
        for task in dict.fromkeys(row.task for row, _, _ in gathered.values()):
            rows, outcomes, reasons = zip(
                *(one for one in gathered.values() if one[0].task == task), strict=True
            )
            answers = [row.prediction for row in rows]
            own = describe_system("model", rows, answers, outcomes, reasons)
            own |= score_parts(evaluation.of(rows))
            if has_kind_baselines(rows):
                lines += self._measure_kind(trainer, pl_module, evaluation.of(rows), own)
                continue
            lines.append(own)
            for baseline in self._choose(trainer, pl_module, rows[0], evaluation.training):
                selected = evaluation.of(rows[: baseline.most_rows])
                began = time.perf_counter()
                answers = baseline.answer(selected)
                seconds = round(time.perf_counter() - began, 1)
                line, answered = judge_system(baseline.name, selected, answers)
                lines.append(line | {"seconds": seconds})
                strata += [{"system": baseline.name, **kind} for kind in stratify(stratify_rows(answered))]
        further = dict.fromkeys(name for line in lines for name in line if name not in COLUMNS)
        write_csv(output_folder(trainer) / "anchors.csv", [*COLUMNS, *further], lines)
        write_csv(output_folder(trainer) / "anchor_strata.csv", ("system", *strata_columns), strata)

    def _measure_kind(
        self, trainer: Trainer, pl_module: LightningModule, evaluation: Evaluation, own: dict[str, Any]
    ) -> list[dict[str, Any]]:
        """Return the lines of a task with choices or numbers: the model's, and those of the baselines of its kind."""
        rows = evaluation.rows
        lines = [own | measure(rows, own_answers(rows))]
        lines += [measure(rows, answered) for answered in answer_by_training(evaluation, MOST_PAIRS)]
        if trainer.ckpt_path and self.untrained_rows:
            few = rows[: self.untrained_rows]
            lines.append(
                measure(few, answer_kind_by_base(evaluated_model(pl_module), evaluation_data(trainer), few))
            )
        names = ", ".join(line["system"] for line in lines[1:])
        say(f"{rows[0].task}: baselines on the same rows: {names}")
        return lines

    def _choose(
        self, trainer: Trainer, pl_module: LightningModule, row: EvaluatedRow, training: TrainingMolecules
    ) -> list[Baseline]:
        """Return the baselines for a task, given one of its rows, and print their names."""
        systems = find_baselines(row, sum(len(texts.inputs) for texts in training.texts(row.task)))
        if trainer.ckpt_path and self.untrained_rows:
            untrained = partial(answer_by_base, evaluated_model(pl_module), evaluation_data(trainer))
            systems.append(Baseline(UNTRAINED, untrained, self.untrained_rows))
        if systems:  # printed because they can take longer than the model did
            names = ", ".join(baseline.name for baseline in systems)
            text = f"{row.task}: baselines on the same rows: {names}"
            say(text)
        return systems


def judge_system(
    name: str, evaluation: Evaluation, answers: Sequence[str | None]
) -> tuple[dict[str, Any], Evaluation]:
    """Return a baseline's line of the table for one task, and the evaluation of its answers; no answer counts as wrong."""
    answered = evaluation.of(
        [
            dataclasses.replace(row, prediction=answer or "", stopped=True)
            for row, answer in zip(evaluation.rows, answers, strict=True)
        ]
    )
    line = describe_system(name, answered.rows, answers, answered.outcomes, answered.invalid_reasons)
    return line | score_parts(answered), answered


def describe_system(
    name: str,
    rows: Sequence[EvaluatedRow],
    answers: Sequence[str | None],
    outcomes: Sequence[Outcome],
    invalid_reasons: Sequence[str | None],
) -> dict[str, Any]:
    """Return a system's line of the table from the checks of its answers to the rows of one task."""
    line: dict[str, Any] = {"task": rows[0].task, "system": name, "rows": len(rows)}
    line["answered"] = sum(bool(answer) for answer in answers)
    for column, kinds in (("exact_match", ("exact",)), ("right", RIGHT)):
        count = sum(outcome.name in kinds for outcome in outcomes)
        low, high = wilson_interval(count, len(rows))
        line |= {column: count / len(rows), f"{column}_low": low, f"{column}_high": high}
    line["validity"] = sum(reason is None for reason in invalid_reasons) / len(rows)
    return line


def read_baselines(folder: Path) -> list[dict[str, Any]]:
    """Return the lines of a folder's `anchors.csv` except the model's, without empty cells; none without the file."""
    return [line for line in read_systems(folder) if line["system"] != "model"]


def read_systems(folder: Path) -> list[dict[str, Any]]:
    """Return the lines of a folder's `anchors.csv`, the model's too, without empty cells; none without the file."""
    path = folder / "anchors.csv"
    return [
        {name: cell if name in ("task", "system") else float(cell) for name, cell in line.items() if cell}
        for line in (read_csv(path) if path.is_file() else [])
    ]
