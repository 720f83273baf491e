"""The output of `predict`: one line for each row of the user's file, in its order."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar

from lightning.pytorch import LightningModule, Trainer
from rich.console import Console

from callbacks.loggers.terminal_text import printable
from callbacks.metrics.round_trip import reads_names
from callbacks.metrics.row_reader import RowReader
from callbacks.reports.rerank import Checked, check, choose
from callbacks.rows.evaluated_row import EvaluatedRow, Stage, gather_by_index
from callbacks.run.run_facts import find_threshold, output_folder
from callbacks.statistics.calibration import abstains
from datamodules.storage.safe_csv import write_csv

_COLUMNS = ("line", "input", "prediction", "score", "valid", "verified", "stopped", "reason")
_TABLE_SUFFIX = re.compile(r"(\.(csv|tsv|jsonl)(\.gz)?|\.parquet)$", re.IGNORECASE)

_SHOWN = 3
"""Answers that the terminal shows, too."""


class PredictionWriter(RowReader):
    """Writes `predict/predictions/<name of the input file>.csv` in the run's folder, on any number of devices.

    Columns: line (in the input file, from 1), input, prediction, score (sum of the log-probabilities of the
    generated tokens), valid (in the task's output notation), verified, stopped (false: cut at the longest allowed
    length) and reason (why the prediction is not valid or cannot be verified, or why the row could not be answered). Rows that
    were set aside have an empty prediction and their reason.

    `verified` is the strictest check, made without a reference, that the prediction passes: `back` (it means the molecule
    of the input and no other; names, asked or answered, are read by OPSIN where `RoundTrip` is on), `formula` (one of its
    molecular formula), `valid`, or nothing. Of several answers (`--model.generation.candidates 8`) the one that passes the
    strictest check is given.

    With `--model.generation.abstain_below 0.5` the column `abstained` says of which answers the probability, exp(score), is
    less; they stay in their column.
    """

    asks: ClassVar[tuple[str, ...]] = ("invalid_reason",)
    stages: ClassVar[tuple[Stage, ...]] = ("predict",)

    def read_rows(
        self, trainer: Trainer, pl_module: LightningModule, stage: Stage, rows: list[EvaluatedRow]
    ) -> None:
        """Judge this rank's rows, gather all on rank 0, add the rows set aside, and write."""
        datamodule = trainer.datamodule  # type: ignore[attr-defined]
        checked = check(rows, reads_names(trainer, rows))
        threshold = find_threshold(pl_module)
        gathered = gather_by_index(
            {
                row.index: _record(datamodule.row(stage, row.index).line, row, *choose(answers), threshold)
                for row, answers in zip(rows, checked, strict=True)
            }
        )
        if not trainer.is_global_zero:
            return
        set_aside = [
            {"line": row.line, "input": row.text, "reason": row.reason} for row in datamodule.set_aside(stage)
        ]
        stem = _TABLE_SUFFIX.sub("", Path(datamodule.predict_path).name)
        path = output_folder(trainer) / "predictions" / f"{stem or 'predict'}.csv"
        records = sorted([*gathered.values(), *set_aside], key=lambda record: record["line"])
        write_csv(path, _COLUMNS if threshold is None else (*_COLUMNS, "abstained"), records)
        without = f", {len(set_aside)} of them without an answer (see `reason`)" if set_aside else ""
        if abstained := sum(record.get("abstained", False) for record in records):
            without += f", {abstained} abstained"
        lines = [f"Predictions of {len(records)} rows: {path}{without}", *map(_show, records[:_SHOWN])]
        Console().print("\n".join(lines), markup=False, highlight=False, soft_wrap=True)


def _show(record: Mapping[str, Any]) -> str:
    """Return an answer, or why there is none, as a line for a person."""
    if "score" not in record:
        return f"  {printable(record['input'])}: {record['reason']}"
    verified = f"not valid: {record['reason']}"
    if check := record["verified"]:
        why = f" ({record['reason']})" if record["reason"] else ""
        verified = f"valid, not verified{why}" if check == "valid" else f"verified: {check}{why}"
    if record.get("abstained"):
        verified += ", abstained"
    answer = f"{printable(record['prediction'])}  (probability {math.exp(record['score']):.2f}, {verified})"
    return f"  {printable(record['input'])} -> {answer}"


def _record(
    line: int, row: EvaluatedRow, answer: Checked, verified: str, threshold: float | None
) -> dict[str, Any]:
    """Return the cells of an answered row by column."""
    return {
        "line": line,
        "input": row.input,
        "prediction": answer.text,
        "score": round(answer.score, 6),
        "valid": answer.reason is None,
        "verified": verified,
        "stopped": answer.stopped,
        "reason": answer.reason or answer.doubt,
        **({} if threshold is None else {"abstained": abstains(answer.score, threshold)}),
    }
