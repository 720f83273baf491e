"""The output of `predict`: one line for each row of the user's file, in its order."""

from __future__ import annotations

import math
import os
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
from lightning.pytorch import LightningModule, Trainer
from numpy.typing import NDArray

from callbacks.loggers.terminal import STDOUT, say
from callbacks.loggers.terminal_text import printable
from callbacks.metrics.kinds.number_errors import read_drawn
from callbacks.metrics.row_reader import PartReader, find_readers
from callbacks.reports.answers.digest import describe_answers
from callbacks.reports.answers.stored import Answer, AnsweredRows, StoredAnswers
from callbacks.reports.rerank import Checked, check, choose, name_verified
from callbacks.reports.worded_answers import check_wordings, choose_wording, keep_wordings
from callbacks.rows.check_words import CUT, name_check
from callbacks.rows.evaluated_row import EvaluatedRow, Stage, gather_by_index
from callbacks.rows.evaluation import Evaluation
from callbacks.rows.protocols import evaluated_model, evaluation_data
from callbacks.rows.windows import rate_row
from callbacks.run.run_facts import find_threshold, output_folder, run_folder
from callbacks.run.training_memory import evaluated_record
from callbacks.statistics.calibration import abstains
from datamodules.sources.output.names import name_shard, output_name, why_csv
from datamodules.sources.output.write import write_answers
from datamodules.workers.opsin import how_to_read_names

_COLUMNS = ("line", "input", "prediction", "score", "valid", "verified", "stopped", "reason")

_SHOWN = 3
"""Number of answers that the terminal also shows."""


class PredictionWriter(PartReader):
    """Writes `predict/predictions/<name of the input file>` in the run's folder, on any number of devices.

    The file is of the input file's own format, or csv where that holds no further columns (smi, sdf, txt); `.gz` stays.
    Columns: those of the file, unchanged, then line (in the input file, from 1), input, prediction, score (sum of the
    log-probabilities of the generated tokens), valid (whole, and valid in the task's output notation), verified, stopped
    (false: cut at `--model.generation.max_new_tokens`) and reason (why the prediction is not valid or cannot be
    verified, or why the row could not be answered). Rows that were set aside have an empty prediction and their reason.

    `verified` is the strictest comparison with the input that the prediction passes: `back` (it means the molecule of the
    input and no other; names, asked or answered, are read by OPSIN where `RoundTrip` is on), `formula` (one of its
    molecular formula), or nothing: that an answer is well-formed verifies nothing, and stands in `valid`. Of several answers
    (`--model.generation.candidates 8`) the one that passes the strictest check is given, be it only that it is well-formed.

    For a task with choices, `p_<choice>` is the probability of each one. For one of numbers with several answers a row,
    `expected` is the mean of the drawn numbers, and `low_90` and `high_90` bound the middle 90 % of them.

    With `--model.generation.block 0.5` and several answers a row, `wordings` lists those that are other wordings of the input,
    the most probable first: well-formed, another string, and of the same meaning where that can be checked (a list in jsonl and
    parquet, JSON text in the other formats). The prediction is then no repetition of the input unless all answers are, and
    `verified` is `back` where it means the input's molecule.

    For a row that is asked in several windows (`--data.window_column`), `window` says which one the prediction is of, from 1, and
    `windows` how many there are.

    With `--model.generation.abstain_below 0.5` the column `abstained` marks the answers whose probability, exp(score), is
    lower; they stay in their column.

    `unlike` marks the rows that are unlike what the model was trained on: more pairs of neighbouring tokens of their prompt stand
    in no training prompt than in 99 of 100 validation rows. It is there if the run remembers its training.

    Answers go to a journal beside the file (`new.csv.unfinished`) while they are made. So memory does not grow with them, and
    the same command goes on after a kill, on any number of ranks; with another input, model or way to answer it begins anew. At
    the end the file is written in the order of the input, and the journal is removed.

    Args:
        output: Another file for the answers; its ending tells the format (csv, tsv, jsonl, parquet, xlsx). On the command line
            it is `--output`.
    """

    asks: ClassVar[tuple[str, ...]] = ("invalid_reason",)
    stages: ClassVar[tuple[Stage, ...]] = ("predict",)

    def __init__(self, output: str | None = None) -> None:
        super().__init__()
        self.output = output
        self._stored: StoredAnswers | None = None  # on rank 0
        self._has_begun = False
        self._why_unverified: str | None = None
        self._unlike: NDArray[np.bool_] | None = None

    def setup(self, trainer: Trainer, pl_module: LightningModule, stage: str) -> None:
        """Tell the data module which prompts need no answer any more, once the weights are there."""
        self._has_begun = False
        if stage == "predict":
            evaluation_data(trainer).find_answered.append(partial(self._resume, trainer, pl_module))

    def _resume(self, trainer: Trainer, pl_module: LightningModule) -> NDArray[np.bool_]:
        """Open the journal on rank 0; return, on every rank, which prompts an earlier command like this one has answered."""
        found: NDArray[np.bool_] | str = ""
        if trainer.is_global_zero:
            try:
                self._stored = self._open(trainer, pl_module)
                found = self._stored.answered
            except ValueError as error:  # of which all ranks must know, or they would wait
                found = str(error)
        found = trainer.strategy.broadcast(found)
        if isinstance(found, str):
            raise ValueError(found)
        return found

    def _open(self, trainer: Trainer, pl_module: LightningModule) -> StoredAnswers:
        data = evaluation_data(trainer)
        wants_names = any(reader.wants_names(trainer) for reader in find_readers(trainer))
        head = describe_answers(pl_module, data.hash_questions(), wants_names)
        stored = StoredAnswers(self._path(trainer), head, data.num_asked("predict"))
        if stored.changed:
            what = " and ".join(stored.changed)
            say(f"{stored.path}: begun with other {what}, so that all rows are answered anew.")
        elif count := int(stored.answered.sum()):
            say(f"{stored.path}: {count:,} rows have their answers from before; the others follow.")
        return stored

    def _path(self, trainer: Trainer) -> Path:
        """Return the file for the answers."""
        if self._is_stdout():
            return Path(self.output or "")
        data = evaluation_data(trainer)
        path = output_folder(trainer) / "predictions" / output_name(data.predict_path or "")
        return name_shard(Path(self.output).expanduser() if self.output else path, data.predict_shard)

    def _is_stdout(self) -> bool:
        """Return whether the file stands for standard output."""
        return self.output is not None and self.output == os.environ.get(STDOUT)

    def on_predict_epoch_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Open the journal, unless the data module has asked for it."""
        super().on_predict_epoch_start(trainer, pl_module)
        self._has_begun = True
        record, data = evaluated_record(trainer, pl_module), evaluation_data(trainer)
        self._unlike = (
            None if record is None else record.find_unlike(partial(data.count_new_pairs, "predict"))
        )
        if trainer.is_global_zero and self._stored is None:
            self._stored = self._open(trainer, pl_module)

    def read_part(
        self, trainer: Trainer, pl_module: LightningModule, stage: Stage, evaluation: Evaluation
    ) -> None:
        """Check this rank's rows, gather all on rank 0, and keep them there."""
        settings = evaluated_model(pl_module).generation
        threshold, limit = evaluation.abstain_below, settings.max_new_tokens
        chosen = _choose_wordings(evaluation) if settings.block else _choose(evaluation)
        gathered = gather_by_index(
            {
                prompt: Answer(
                    row.index,
                    rate_row(row),
                    *_answer(row, *choice, threshold, limit, self._is_unlike(prompt)),
                )
                for prompt, row, choice in zip(evaluation.prompts, evaluation.rows, chosen, strict=True)
            }
        )
        self._why_unverified = self._why_unverified or _why_unverified(evaluation)
        if trainer.is_global_zero:
            assert self._stored is not None
            self._stored.add(gathered)

    def _is_unlike(self, prompt: int) -> bool | None:
        """Return whether a prompt is unlike those of training; None if they are not known."""
        return None if self._unlike is None else bool(self._unlike[prompt])

    def finish(self, trainer: Trainer, pl_module: LightningModule, stage: Stage) -> None:
        """Write the file on rank 0, with the rows that were skipped, and tell about it."""
        if not trainer.is_global_zero:
            return
        assert self._stored is not None
        data, threshold = evaluation_data(trainer), find_threshold(pl_module)
        aside = [{"line": row.line, "input": row.text, "reason": row.reason} for row in data.set_aside(stage)]
        records = AnsweredRows(self._stored, aside)
        source, path = data.predict_path or "", self._path(trainer)
        known = _COLUMNS if threshold is None else (*_COLUMNS, "abstained")
        columns = list(dict.fromkeys([*known, *self._stored.columns()]))
        notes = write_answers(path, source, data.question_rows, columns, records, data.table_options)
        if self.output is None and (why := why_csv(source)):
            notes.append(why)
        if self._why_unverified:
            notes.append(self._why_unverified)
        without = f", {len(aside)} of them without an answer (see `reason`)" if aside else ""
        if threshold is not None and (abstained := sum(bool(one.get("abstained")) for one in records)):
            without += f", {abstained} abstained"
        if unlike := sum(bool(one.get("unlike")) for one in records):
            without += f", {unlike} unlike what the model was trained on (see `unlike`)"
        place = "standard output" if self._is_stdout() else path
        say(f"Predictions of {len(records)} rows: {place}{without}", last=True)
        shown = [_show(*records.with_words(number)) for number in range(min(_SHOWN, len(records)))]
        say("\n".join([*shown, *notes]))
        self._stored.remove()
        self._stored = None

    def teardown(self, trainer: Trainer, pl_module: LightningModule, stage: str) -> None:
        """Close what is open; if there was nothing to ask, first write the rows that were skipped.

        Without a batch, Lightning calls no other hook. A command that was stopped has no journal open here: see `on_exception`.
        """
        try:
            if self._stored is not None and not self._has_begun:
                self.finish(trainer, pl_module, "predict")
        finally:
            super().teardown(trainer, pl_module, stage)
            self._close()

    def on_exception(self, trainer: Trainer, pl_module: LightningModule, exception: BaseException) -> None:
        """Close the journal and say how to go on."""
        if self._stored is not None and (count := int(self._stored.answered.sum())):
            named = (
                self.output is not None or trainer.ckpt_path is not None
            )  # else a command makes a folder of its own
            how = "the same command" if named else f"the same command with --name {run_folder(trainer).name}"
            say(f"{count:,} rows have their answers in {self._stored.path}; {how} goes on there.")
        self._close()

    def _close(self) -> None:
        stored, self._stored = self._stored, None
        if stored is not None:
            stored.close()


_Choice = tuple[Checked, str, dict[str, Any]]
"""The answer to give, the strictest check that it passes, and further cells."""


def _choose(evaluation: Evaluation) -> list[_Choice]:
    """Return what is chosen of each row's answers."""
    return [(*choose(answers), {}) for answers in check(evaluation)]


def _choose_wordings(evaluation: Evaluation) -> list[_Choice]:
    """Return what is chosen of the answers of each row that is to be worded in another way, with all other wordings."""
    found: list[_Choice] = []
    for row, answers in zip(evaluation.rows, check_wordings(evaluation), strict=True):
        cells = {"wordings": [one.text for one in keep_wordings(answers)]} if len(row.candidates) > 1 else {}
        found.append((*choose_wording(answers), cells))
    return found


def _why_unverified(evaluation: Evaluation) -> str | None:
    """Return why no answer about names is verified and how to get that, or None if names are read or there are none."""
    rows = evaluation.rows
    if evaluation.reads_names or not any(
        "iupac" in (row.input_notation, row.output_notation) for row in rows
    ):
        return None
    how = (
        how_to_read_names()
        or "add callbacks.metrics.round_trip.RoundTrip to the callbacks, which asks for it"
    )
    return f"No name is verified, since OPSIN does not read them here: {how}."


def _show(record: Mapping[str, Any], why: str | None) -> str:
    """Return an answer, or why there is none, as a line for a person.

    Args:
        record: Its cells.
        why: Why it is not valid or not verified, in words that say who found that.
    """
    if "score" not in record:
        return f"  {printable(record['input'])}: {record['reason']}"
    verified = name_check(record["valid"], record["verified"], why)
    if record.get("abstained"):
        verified += ", abstained"
    if record.get("unlike"):
        verified += ", unlike its training"
    answer = f"{printable(record['prediction'])}  (probability {math.exp(record['score']):.2f}, {verified})"
    return f"  {printable(record['input'])} -> {answer}"


def _drawn(row: EvaluatedRow) -> dict[str, float]:
    """Return the cells of a row with several drawn numbers."""
    drawn = read_drawn(row) if row.output_notation == "number" else None
    return {} if drawn is None else {"expected": drawn.mean, "low_90": drawn.lower, "high_90": drawn.upper}


def _answer(
    row: EvaluatedRow,
    answer: Checked,
    verified: str,
    cells: Mapping[str, Any],
    threshold: float | None,
    limit: int,
    unlike: bool | None,
) -> tuple[dict[str, Any], str | None]:
    """Return the cells of an answered row by column, and their reason in words that say who gave it.

    An answer that never stopped is valid only if a check says so.
    """
    whole = answer.stopped or verified
    cut = None if whole else f"{CUT} at --model.generation.max_new_tokens {limit}"
    record = {
        "line": row.line,
        "input": row.input,
        "prediction": answer.text,
        "score": round(answer.score, 6),
        "valid": answer.reason is None and cut is None,
        "verified": name_verified(verified),
        "stopped": answer.stopped,
        "reason": cut or answer.reason or answer.doubt,
        **({"window": row.window, "windows": row.windows} if row.windows else {}),
        **cells,
        **({} if threshold is None else {"abstained": abstains(answer.score, threshold)}),
        **({} if unlike is None else {"unlike": unlike}),
        **_drawn(row),
        **{
            f"p_{name}": round(chance, 6) for name, chance in zip(row.choices, row.probabilities, strict=True)
        },
    }
    return record, cut or answer.in_words or answer.doubt
