"""A table of the model's predictions: a file for each evaluation, and a part of it in W&B."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar, NamedTuple

from lightning.pytorch import LightningModule, Trainer
from lightning.pytorch.loggers import WandbLogger
from lightning.pytorch.trainer.states import TrainerFn

from callbacks.metrics.round_trip import NOTIONS
from callbacks.metrics.row_reader import PartReader
from callbacks.reports.answers.stored import SUFFIX, Answer, AnsweredRows, StoredAnswers
from callbacks.rows.drawing import draw
from callbacks.rows.evaluated_row import EvaluatedRow, Stage, gather_by_index
from callbacks.rows.evaluation import Evaluation
from callbacks.rows.notation_calls import NotationCalls
from callbacks.rows.outcomes import Outcome
from callbacks.rows.protocols import evaluation_data
from callbacks.run.run_facts import find_threshold, output_folder
from callbacks.statistics.calibration import abstains
from datamodules.storage.safe_csv import write_csv

_COLUMNS = ("row", "task", "input", "target", "prediction", "verdict")
_DETAILS = ("outcome", "reason", "read_as", "asked_for")
_LAST_COLUMNS = ("score", "stopped", "num_tokens", "input_notation", "output_notation")
_VERDICTS = {
    "string": "exact",
    "canonical": "same molecule",
    "round_trip": "same molecule",
    "round_trip_tautomer": "same inchikey",
    "round_trip_without_stereo": "same without stereo",
}


def verdict(same: dict[str, bool], invalid_reason: str | None) -> str:
    """Return the verdict on a prediction, in a word or two.

    Args:
        same: Whether it is the target, by each notion of its notation, the strictest first.
        invalid_reason: Why it is invalid; None if it is valid.

    Returns:
        `exact` for the same text; else the strictest notion that holds: `same molecule` (canonical SMILES),
        `same inchikey`, `same connectivity` (other stereo or isotopes), `same value` and so on; else `invalid`
        or `wrong`.

    Examples:
        >>> verdict({"string": False, "canonical": True}, None)
        'same molecule'
        >>> verdict({"string": False}, "unclosed ring"), verdict({"string": False}, None)
        ('invalid', 'wrong')
    """
    for notion, equal in same.items():
        if equal:
            return _VERDICTS.get(notion, f"same {notion.replace('_', ' ')}")
    return "wrong" if invalid_reason is None else "invalid"


class PredictionTable(PartReader):
    """Writes `predictions/<stage>_epoch_<n>.csv` at each validation and test; `n` is the epoch of the weights.

    `fit` writes the table to the run's folder, other subcommands to their own folder in it (`test/`). It has one line per
    row, in index order: row, task, input, target, prediction, verdict, one column for each notion of "same", score
    (log-probability), stopped, num_tokens, both notations, `p_<choice>` for each choice of a task that has some, and `window`
    (from 1) and `windows` of rows that are asked in several windows (`--data.window_column`).
    `validate` and `test` add the outcome (see `callbacks.rows.outcomes`), the parser's reason, the molecule that the
    prediction was read as, and the reference molecule. With `RoundTrip`, a right name that differs from the reference has
    the verdict `same molecule`. With `--model.generation.abstain_below` the column `abstained` marks the answers that are
    less probable. `datamodules.storage.safe_csv.read_csv` reads the table back.
    With a W&B logger, the same `wandb_rows` rows of each evaluation go to the table `<stage>/predictions`, with molecules
    drawn.

    Args:
        wandb_rows: Most rows sent to W&B, evenly spread over the stage; 0 for none.
    """

    asks: ClassVar[tuple[str, ...]] = ("invalid_reason", "same")

    def __init__(self, wandb_rows: int = 50) -> None:
        super().__init__()
        self.wandb_rows = wandb_rows
        # The epoch of the evaluated checkpoint: the trainer does not restore it.
        self._epoch: int | None = None
        self._stored: StoredAnswers | None = None  # on rank 0
        self._calls: NotationCalls | None = None

    def on_load_checkpoint(
        self, trainer: Trainer, pl_module: LightningModule, checkpoint: dict[str, Any]
    ) -> None:
        """Keep the epoch of the evaluated weights; a resumed `fit` counts its own."""
        if trainer.state.fn != TrainerFn.FITTING:
            self._epoch = checkpoint["epoch"]

    def read_part(
        self, trainer: Trainer, pl_module: LightningModule, stage: Stage, evaluation: Evaluation
    ) -> None:
        """Check this rank's rows, gather all on rank 0, and keep their cells on the disk there."""
        detailed = trainer.state.fn != TrainerFn.FITTING
        gathered = gather_by_index({one.row.index: _record(one) for one in _check_rows(evaluation, detailed)})
        if not trainer.is_global_zero:
            return
        self._calls = evaluation.calls
        if self._stored is None:
            path = self._path(trainer, stage)
            path.with_name(path.name + SUFFIX).unlink(missing_ok=True)
            self._stored = StoredAnswers(path, {}, evaluation_data(trainer).num_rows(stage), by="row")
        for line in gathered.values() if evaluation.abstain_below is not None else ():
            line["abstained"] = abstains(line["score"], evaluation.abstain_below)
        self._stored.add({row: Answer(row, 0.0, line, None) for row, line in gathered.items()})

    def finish(self, trainer: Trainer, pl_module: LightningModule, stage: Stage) -> None:
        """Write the table in the order of the rows, and send some of them to W&B."""
        if not trainer.is_global_zero:
            return
        stored, self._stored = self._stored, None
        calls, self._calls = self._calls, None
        assert stored is not None
        assert calls is not None
        lines = AnsweredRows(stored, [])
        found, details = stored.columns(), _DETAILS if trainer.state.fn != TrainerFn.FITTING else ()
        notions = [name for name in found if name.startswith("same_")]
        further = [name for name in found if name.startswith("p_") or name in ("window", "windows")]
        last = ["abstained"] if find_threshold(pl_module) is not None else []
        columns = [*_COLUMNS, *notions, *_LAST_COLUMNS, *details, *further, *last]
        write_csv(self._path(trainer, stage), columns, lines)
        for logger in trainer.loggers:
            if isinstance(logger, WandbLogger) and self.wandb_rows > 0 and len(lines):
                columns, data = _drawn_table(calls, _spread(lines, self.wandb_rows))
                logger.log_table(f"{stage}/predictions", columns, data, step=trainer.global_step)
        stored.remove()

    def _path(self, trainer: Trainer, stage: Stage) -> Path:
        """Return the table's file."""
        epoch = trainer.current_epoch if self._epoch is None else self._epoch
        return output_folder(trainer) / "predictions" / f"{stage}_epoch_{epoch}.csv"

    def begin(self) -> None:
        """Drop the rows of an evaluation that was stopped."""
        stored, self._stored = self._stored, None
        if stored is not None:
            stored.remove()

    def teardown(self, trainer: Trainer, pl_module: LightningModule, stage: str) -> None:
        """Drop the rows of an evaluation that was stopped."""
        self.begin()
        super().teardown(trainer, pl_module, stage)

    def on_exception(self, trainer: Trainer, pl_module: LightningModule, exception: BaseException) -> None:
        """Drop the rows of the evaluation."""
        self.begin()


class _CheckedRow(NamedTuple):
    """A row and the results of checking its prediction."""

    row: EvaluatedRow
    same: dict[str, bool]
    verdict: str
    outcome: Outcome | None


def _check_rows(evaluation: Evaluation, detailed: bool) -> list[_CheckedRow]:
    """Return the results for each row; if detailed, with its outcome, and with names read as molecules."""
    rows = evaluation.rows
    outcomes = evaluation.outcomes if detailed else [None] * len(rows)
    relations = evaluation.relations if detailed and evaluation.reads_names else [None] * len(rows)
    checked = []
    for row, same, why, outcome, relation in zip(
        rows, evaluation.sameness, evaluation.invalid_reasons, outcomes, relations, strict=True
    ):
        if relation and row.output_notation == "iupac":
            same = same | {name: relation[of] for name, of in NOTIONS.items()}
        reason = why or (outcome.reason if outcome else None)
        checked.append(_CheckedRow(row, same, verdict(same, reason), outcome))
    return checked


def _record(checked: _CheckedRow) -> dict[str, Any]:
    """Return the cells of a row by column."""
    row, outcome = checked.row, checked.outcome
    record = {
        "row": row.index,
        "task": row.task,
        "input": row.input,
        "target": row.target,
        "prediction": row.prediction,
        "verdict": checked.verdict,
        **{f"same_{notion}": equal for notion, equal in checked.same.items()},
        "score": round(row.score, 6),
        "stopped": row.stopped,
        "num_tokens": row.num_tokens,
        "input_notation": row.input_notation,
        "output_notation": row.output_notation,
        **({"window": row.window, "windows": row.windows} if row.windows else {}),
        **{
            f"p_{name}": round(chance, 6) for name, chance in zip(row.choices, row.probabilities, strict=True)
        },
    }
    if outcome is None:
        return record
    read_as = outcome.molecules.prediction.smiles if outcome.molecules.prediction else None
    details = (outcome.name, outcome.reason, read_as, outcome.molecules.reference)
    return record | dict(zip(_DETAILS, details, strict=True))


def _spread(items: Sequence[Any], at_most: int) -> list[Any]:
    """Return at most `at_most` of `items`, evenly spaced, always at the same positions."""
    count = min(len(items), at_most)
    return [items[i * len(items) // count] for i in range(count)]


def _drawn_table(
    calls: NotationCalls, shown: Sequence[Mapping[str, Any]]
) -> tuple[list[str], list[list[Any]]]:
    """Return columns and cells of the W&B table, from the rows' cells; a column of drawings only if it has any."""
    import wandb

    columns = ["task", "input", "target", "prediction", "verdict", "score"]
    data: list[list[Any]] = [[*(row[name] for name in columns[:5]), round(row["score"], 4)] for row in shown]
    for column in ("input", "target", "prediction"):
        pictures = [
            draw(calls, row["input_notation" if column == "input" else "output_notation"], row[column])
            for row in shown
        ]
        if any(pictures):
            columns.append(f"{column} drawn")
            for cells, picture in zip(data, pictures, strict=True):
                cells.append(wandb.Image(picture) if picture else None)
    return columns, data
