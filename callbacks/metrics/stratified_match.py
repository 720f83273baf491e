"""Exact match by kind of row: to a file, and to W&B as a table."""

from __future__ import annotations

from collections.abc import Sequence

from lightning.pytorch import LightningModule, Trainer
from lightning.pytorch.loggers import WandbLogger
from lightning.pytorch.trainer.states import TrainerFn

from callbacks.metrics.row_reader import RowReader
from callbacks.rows.evaluated_row import Stage, gather_by_index
from callbacks.rows.evaluation import Evaluation
from callbacks.rows.outcomes import RIGHT
from callbacks.rows.training_molecules import TrainingMolecules
from callbacks.run.run_facts import output_folder
from callbacks.statistics.strata import COLUMNS, Stratified, stratify
from datamodules.storage.safe_csv import write_csv


class StratifiedMatch(RowReader):
    """Writes `strata.csv` at `validate` and `test`: exact match by kind of row, with 95 % Wilson intervals.

    By length of input and target, heavy atoms, rings, stereo, charge, components, elements, and the Tanimoto similarity
    (Morgan, radius 2) to the nearest training molecule of the task: a model that only remembers is good where that is
    near 1. At `test` also by whether a salt, an ion or the parent of the molecule is among the training molecules.
    `share_right` also counts other spellings and, with `RoundTrip`, other names of the right molecule. Tasks without
    molecules have lengths only.
    """

    def read_rows(
        self, trainer: Trainer, pl_module: LightningModule, stage: Stage, evaluation: Evaluation
    ) -> None:
        """Judge this rank's rows, gather all on rank 0, compare them with the training molecules there, and write."""
        if trainer.state.fn == TrainerFn.FITTING:
            return
        judged = zip(evaluation.rows, evaluation.outcomes, stratify_rows(evaluation), strict=True)
        gathered = gather_by_index(
            {row.index: (stratified, one.molecules.reference) for row, one, stratified in judged}
        )
        if not trainer.is_global_zero or not gathered:
            return
        with_parents = stage == "test"
        lines = stratify(add_training(evaluation.training, list(gathered.values()), with_parents))
        write_csv(output_folder(trainer) / "strata.csv", COLUMNS, lines)
        for logger in trainer.loggers:
            if isinstance(logger, WandbLogger):
                data = [[line[column] for column in COLUMNS] for line in lines]
                logger.log_table(f"{stage}/strata", list(COLUMNS), data, step=trainer.global_step)


def describe_rows(evaluation: Evaluation) -> list[dict[str, float]]:
    """Return what each row is like: lengths in characters, and what its molecule is like where it has one."""
    molecules = [outcome.molecules.reference for outcome in evaluation.outcomes]
    facts = iter(evaluation.calls.call("smiles", "describe", [(smiles,) for smiles in molecules if smiles]))
    return [
        {
            "input_length": len(row.input),
            "target_length": len(row.target or ""),
            **((next(facts).value or {}) if smiles else {}),
        }
        for row, smiles in zip(evaluation.rows, molecules, strict=True)
    ]


def stratify_rows(evaluation: Evaluation) -> list[Stratified]:
    """Return rows as strata see them, but for the nearest training molecule."""
    judged = zip(evaluation.rows, evaluation.outcomes, describe_rows(evaluation), strict=True)
    return [
        Stratified(row.task, one.name == "exact", one.name in RIGHT, numbers) for row, one, numbers in judged
    ]


def add_training(
    training: TrainingMolecules, rows: Sequence[tuple[Stratified, str | None]], with_parents: bool
) -> list[Stratified]:
    """Return rows, given with their molecules, with how near the training molecules of their task are.

    Args:
        training: The training rows.
        rows: Each with its molecule as SMILES.
        with_parents: Whether salts are sought. It reads all training molecules, as the audit of a `test` does anyway.
    """
    found = [row for row, _ in rows]
    for task in dict.fromkeys(row.task for row in found):
        places = [place for place, (row, smiles) in enumerate(rows) if row.task == task and smiles]
        if not places:
            continue
        asked = [rows[place][1] or "" for place in places]
        nearest = training.find_nearest(task, asked).similarity.tolist()
        parents = training.share_parent(task, asked) if with_parents else [None] * len(asked)
        for place, similarity, parent in zip(places, nearest, parents, strict=True):
            numbers = dict(found[place].numbers)
            if similarity == similarity:  # not nan
                numbers["nearest_training"] = similarity
            if parent is not None:
                numbers["parent_in_training"] = parent
            found[place] = found[place]._replace(numbers=numbers)
    return found
