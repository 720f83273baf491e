"""The counts of an audit; what is found in which rows is in test_leak_audit.py."""

from __future__ import annotations

import json
from pathlib import Path

from callbacks.reports.audit_report import count_findings, describe_audit, read_audit
from callbacks.reports.leak_audit import FINDINGS, LEAKS, UNANSWERABLE, Finding
from datamodules.rows.side_texts import SideTexts
from datamodules.storage.text_columns import TextColumn


def file_of(task: str, rows: int) -> SideTexts:
    texts = TextColumn.of([f"{task} {row}" for row in range(rows)])
    return SideTexts(task, "smiles", "iupac", texts, texts, texts)


def test_files_of_one_task_are_counted_together_and_tasks_apart() -> None:
    counts = count_findings(
        [
            (file_of("name", 3), [Finding(0, "molecule"), Finding(2, "stereo")]),
            (file_of("name", 2), [Finding(0, "molecule")]),  # another row 0
            (file_of("draw", 4), []),
        ]
    )
    assert set(counts) == {"name", "draw"}
    assert {name: count for name, count in counts["name"].items() if count} == {
        "rows": 5, "leaked": 2, "unanswerable": 1, "molecule": 2, "stereo": 1
    }  # fmt: skip
    assert {name: count for name, count in counts["draw"].items() if count} == {"rows": 4}
    assert list(counts["draw"]) == ["rows", "leaked", "unanswerable", *FINDINGS]


def test_every_leak_and_every_unanswerable_row_adds_to_its_sum() -> None:
    for kind in FINDINGS:
        count = count_findings([(file_of("t", 1), [Finding(0, kind), Finding(0, kind, "again")])])["t"]
        assert (count[kind], count["leaked"], count["unanswerable"]) == (
            1,
            kind in LEAKS,
            kind in UNANSWERABLE,
        )


def test_audit_without_a_finding_says_so() -> None:
    [count] = count_findings([(file_of("name", 1_200), [])]).values()
    assert describe_audit("name", count) == (
        "name, audit: 0 of 1,200 rows leak from training, 0 cannot be answered as the reference wants (nothing found)"
    )


def test_audit_is_read_back_and_empty_where_none_was_written(tmp_path: Path) -> None:
    assert read_audit(tmp_path) == {}
    counts = count_findings([(file_of("name", 2), [Finding(1, "pair")])])
    (tmp_path / "audit.json").write_text(json.dumps({"names_read": False, "tasks": counts}))
    assert read_audit(tmp_path) == counts
