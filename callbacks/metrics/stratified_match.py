"""Exact match, or the error of numbers, by kind of row: to a file, and to W&B as a table."""

from __future__ import annotations

from collections.abc import Sequence

from lightning.pytorch import LightningModule, Trainer
from lightning.pytorch.loggers import WandbLogger
from lightning.pytorch.trainer.states import TrainerFn

from callbacks.metrics.row_reader import PartReader
from callbacks.rows.evaluated_row import EvaluatedRow, Stage, gather_by_index, keep_first
from callbacks.rows.evaluation import Evaluation
from callbacks.rows.outcomes import RIGHT, kind_of
from callbacks.rows.training_molecules import TrainingMolecules
from callbacks.run.run_facts import output_folder
from callbacks.statistics.strata import COLUMNS, Stratified, stratify
from datamodules.notations.number import is_valid
from datamodules.storage.safe_csv import write_csv


class StratifiedMatch(PartReader):
    """Writes `strata.csv` at `validate` and `test`: exact match by kind of row, with 95 % Wilson intervals; of numbers the error.

    The kinds are the length of input and target, heavy atoms, rings, stereo, charge, components, elements, and the Tanimoto
    similarity (Morgan, radius 2) to the nearest training molecule of the task: a model that only memorizes does well where
    the similarity is near 1. `test` adds whether a salt, an ion or the parent of the molecule is among the training
    molecules. `share_right` also counts other spellings and, with `RoundTrip`, other names of the right molecule. Tasks
    without molecules have only the lengths. Tasks of numbers have `mae_all`, with bootstrap intervals, and no shares. Numbers and
    choices have no length. Of a task with more than 100,000 rows (`evaluated_row.MOST_ROWS`) the first ones count.
    """

    def __init__(self) -> None:
        super().__init__()
        self._found: dict[int, tuple[Stratified, str | None]] = {}
        self._training: TrainingMolecules | None = None

    def begin(self) -> None:
        """Drop the rows of an evaluation that was stopped."""
        self._found = {}

    def read_part(
        self, trainer: Trainer, pl_module: LightningModule, stage: Stage, evaluation: Evaluation
    ) -> None:
        """Keep this rank's rows with their numbers, but without their texts."""
        if trainer.state.fn == TrainerFn.FITTING:
            return
        self._training = evaluation.training
        described = zip(evaluation.rows, evaluation.outcomes, stratify_rows(evaluation), strict=True)
        new = {row.index: (stratified, one.molecules.reference) for row, one, stratified in described}
        self._found = keep_first(self._found | new, _task_of)

    def finish(self, trainer: Trainer, pl_module: LightningModule, stage: Stage) -> None:
        """Gather all ranks' rows on rank 0, compare them with the training molecules, and write the table there."""
        if trainer.state.fn == TrainerFn.FITTING:
            return
        found, self._found = self._found, {}
        training, self._training = self._training, None
        gathered = keep_first(gather_by_index(found), _task_of)
        if not trainer.is_global_zero or not gathered:
            return
        assert training is not None
        lines = stratify(add_training(training, list(gathered.values()), with_parents=stage == "test"))
        write_csv(output_folder(trainer) / "strata.csv", COLUMNS, lines)
        for logger in trainer.loggers:
            if isinstance(logger, WandbLogger):
                data = [[line[column] for column in COLUMNS] for line in lines]
                logger.log_table(f"{stage}/strata", list(COLUMNS), data, step=trainer.global_step)


def _task_of(fact: tuple[Stratified, str | None]) -> str:
    return fact[0].task


def describe_rows(evaluation: Evaluation) -> list[dict[str, float]]:
    """Return each row's properties: lengths in characters, and those of its molecule if it has one."""
    molecules = [outcome.molecules.reference for outcome in evaluation.outcomes]
    facts = iter(evaluation.calls.call("smiles", "describe", [(smiles,) for smiles in molecules if smiles]))
    return [
        {
            "input_length": len(row.input),
            **({"target_length": len(row.target or "")} if kind_of(row) == "text" else {}),
            **((next(facts).value or {}) if smiles else {}),
        }
        for row, smiles in zip(evaluation.rows, molecules, strict=True)
    ]


def stratify_rows(evaluation: Evaluation) -> list[Stratified]:
    """Return the rows for `stratify`, still without the nearest training molecule."""
    described = zip(evaluation.rows, evaluation.outcomes, describe_rows(evaluation), strict=True)
    return [
        Stratified(row.task, one.name == "exact", one.name in RIGHT, numbers, *_read_numbers(row))
        for row, one, numbers in described
    ]


def _read_numbers(row: EvaluatedRow) -> tuple[float | None, float | None]:
    """Return the right and the answered number of a row; None where there is none."""
    if kind_of(row) != "number" or not row.target:
        return None, None
    return float(row.target), float(row.prediction) if is_valid(row.prediction) else None


def add_training(
    training: TrainingMolecules, rows: Sequence[tuple[Stratified, str | None]], with_parents: bool
) -> list[Stratified]:
    """Return the rows with their similarity to the training molecules of their task added.

    Args:
        training: The training rows.
        rows: Each row with its molecule as SMILES, or None.
        with_parents: Whether to look up salts, ions and parents, too. This reads all training molecules, as the audit of
            `test` does anyway.
    """
    found = [row for row, _ in rows]
    for task in dict.fromkeys(row.task for row in found):
        places = [place for place, (row, smiles) in enumerate(rows) if row.task == task and smiles]
        if not places:
            continue
        molecules = [rows[place][1] or "" for place in places]
        nearest = training.find_nearest(task, molecules).similarity.tolist()
        parents = training.share_parent(task, molecules) if with_parents else [None] * len(molecules)
        for place, similarity, parent in zip(places, nearest, parents, strict=True):
            numbers = dict(found[place].numbers)
            if similarity == similarity:  # not nan
                numbers["nearest_training"] = similarity
            if parent is not None:
                numbers["parent_in_training"] = parent
            found[place] = found[place]._replace(numbers=numbers)
    return found
