"""An audit of the evaluated rows, written to the run's folder and summarized at the end."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path

from lightning.pytorch import LightningModule, Trainer

from callbacks.metrics.row_reader import PartReader
from callbacks.reports.leak_audit import FINDINGS, LEAKS, UNANSWERABLE, Finding, audit
from callbacks.rows.evaluated_row import Stage
from callbacks.rows.evaluation import Evaluation
from callbacks.rows.protocols import evaluation_data
from callbacks.rows.training_molecules import TrainingMolecules
from callbacks.run.run_facts import output_folder
from datamodules.rows.side_texts import SideTexts
from datamodules.rows.training_record import FILE, TrainingRecord, record_rows
from datamodules.storage.safe_csv import write_csv

COLUMNS = ("task", "input", "target", "finding", "meaning", "detail")


class AuditReport(PartReader):
    """Writes `audit.json` and `audit.csv` at `test`: what the rows share with the training rows.

    Shared are strings, molecules, connectivities, parents of salts and Murcko scaffolds. It also lists rows whose
    reference answer cannot be derived: stereo in the answer that the question does not have, the same question with two
    answers, and, with `RoundTrip`, names that OPSIN reads as another molecule. The JSON file has the counts, and for each task
    how many of all its pairs the model was trained on: 0 for a task of weight 0. The CSV file has a line for each finding
    except shared scaffolds and targets, which are many and not faults. Targets of tasks with choices or numbers are not
    looked up: every class stands in training.
    """

    stages = ("test",)

    def __init__(self) -> None:
        super().__init__()
        self._last: Evaluation | None = None

    def read_part(
        self, trainer: Trainer, pl_module: LightningModule, stage: Stage, evaluation: Evaluation
    ) -> None:
        """Keep what the audit shares with the other readers."""
        self._last = evaluation

    def finish(self, trainer: Trainer, pl_module: LightningModule, stage: Stage) -> None:
        """Audit on rank 0; the texts come from the data module, which has all rows on every rank."""
        evaluation, self._last = self._last, None
        if not trainer.is_global_zero:
            return
        assert evaluation is not None
        with_names, training = evaluation.reads_names, evaluation.training
        data = evaluation_data(trainer)
        of_texts = [task.name for task in data.tasks if task.kind == "text"]
        found = [
            (texts, audit(training, texts, with_names, evaluation.calls, texts.task in of_texts))
            for texts in data.side_texts(stage)
        ]
        folder = output_folder(trainer)
        write_csv(
            folder / "audit.csv",
            COLUMNS,
            [line for texts, findings in found for line in _lines(texts, findings)],
        )
        data = evaluation_data(trainer)
        content = {
            "names_read": with_names,
            "pairs": count_trained(data.all_texts(), training.record),
            "held_out": list(data.held_out),
            "compared_with": describe_training(training),
            "tasks": count_findings(found),
        }
        (folder / "audit.json").write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8")


def count_trained(
    texts: Sequence[SideTexts], record: TrainingRecord | None
) -> dict[str, dict[str, int | None]]:
    """Return for each task the number of its pairs on all sides, and of those that the model was trained on (None: not known)."""
    counts: dict[str, dict[str, int | None]] = {}
    for one in texts:
        count = counts.setdefault(one.task, {"rows": 0, "trained": 0})
        trained = None if record is None else record.count_pairs(one)
        count["rows"] = (count["rows"] or 0) + len(one.inputs)
        before = count["trained"]
        count["trained"] = None if trained is None or before is None else before + trained
    return counts


def read_held_out(folder: Path) -> list[str]:
    """Return a line on each task of weight 0 of the audit in a folder."""
    path = folder / "audit.json"
    content = json.loads(path.read_text(encoding="utf-8")) if path.is_file() else {}
    return [describe_held_out(task, **content["pairs"][task]) for task in content.get("held_out", ())]


def describe_held_out(task: str, rows: int, trained: int | None) -> str:
    """Return in words whether a task of weight 0 was never trained on.

    Examples:
        >>> describe_held_out("c", 1200, 0)
        'c, weight 0: none of its 1,200 pairs was trained on'
        >>> describe_held_out("c", 1200, 3)
        'c, weight 0, but 3 of its 1,200 pairs were trained on'
    """
    if trained is None:
        return f"{task}, weight 0: whether its pairs were trained on is not known, since {FILE} has no pairs"
    if trained:
        return f"{task}, weight 0, but {trained:,} of its {rows:,} pairs were trained on"
    return f"{task}, weight 0: none of its {rows:,} pairs was trained on"


def _lines(texts: SideTexts, findings: Sequence[Finding]) -> list[dict[str, str]]:
    return [
        {
            "task": texts.task,
            "input": texts.inputs[one.row],
            "target": texts.outputs[one.row],
            "finding": one.kind,
            "meaning": FINDINGS[one.kind],
            "detail": one.detail,
        }
        for one in findings
        if one.kind not in ("scaffold", "target")
    ]


def count_findings(found: Sequence[tuple[SideTexts, Sequence[Finding]]]) -> dict[str, dict[str, int]]:
    """Return for each task its rows, those with each finding, and those with any leak or without a possible answer."""
    counts: dict[str, Counter[str]] = {}
    for texts, findings in found:
        count = counts.setdefault(texts.task, Counter())
        count["rows"] += len(texts.inputs)
        count.update(kind for _, kind in {(one.row, one.kind) for one in findings})
        count["leaked"] += len({one.row for one in findings if one.kind in LEAKS})
        count["unanswerable"] += len({one.row for one in findings if one.kind in UNANSWERABLE})
    names = ("rows", "leaked", "unanswerable", *FINDINGS)
    return {task: {name: count[name] for name in names} for task, count in counts.items()}


def read_audit(folder: Path) -> dict[str, dict[str, int]]:
    """Return the counts of each task that were written to a folder; empty if none were."""
    path = folder / "audit.json"
    tasks: dict[str, dict[str, int]] = (
        json.loads(path.read_text(encoding="utf-8"))["tasks"] if path.is_file() else {}
    )
    return tasks


def read_comparison(folder: Path) -> str:
    """Return what the audit in a folder compared with; empty if none was written."""
    path = folder / "audit.json"
    return str(json.loads(path.read_text(encoding="utf-8"))["compared_with"]) if path.is_file() else ""


def describe_training(training: TrainingMolecules) -> str:
    """Return which training rows an evaluation compares with, in words."""
    record = training.record
    if record is None:
        return f"the training rows of today's flags, since the run kept no {FILE} of these notations"
    missing = len(record) - len(record_rows(training.read_texts()))
    text = f"the {len(record):,} identities that the run was trained on ({FILE})"
    if missing:
        text += (
            f"; {missing:,} of them are not in today's sources, so the nearest training row, scaffolds and salts are looked up "
            "among the others only"
        )
    return text


def is_complete(compared: str) -> bool:
    """Return whether an evaluation was compared with all rows of the run's own record, so that nothing need be said of it.

    Examples:
        >>> is_complete(f"the 998 identities that the run was trained on ({FILE})")
        True
        >>> is_complete("the training rows of today's flags, since the run kept no record")
        False
    """
    return compared.endswith(f"identities that the run was trained on ({FILE})")


def describe_audit(task: str, count: Mapping[str, int]) -> str:
    """Return the counts of a task as a line."""
    found = ", ".join(f"{count[name]:,} {name}" for name in FINDINGS if count.get(name))
    return (
        f"{task}, audit: {count['leaked']:,} of {count['rows']:,} rows leak from training, "
        f"{count['unanswerable']:,} cannot be answered as the reference wants ({found or 'nothing found'})"
    )
