"""How many answers of exported folders equal those of their runs: docs/results/exports.jsonl and its page.

`make exports` runs tests/test_exports.py on 100 rows, which records what it counts, and then writes the page.
"""

from __future__ import annotations

import platform
from collections.abc import Mapping, Sequence
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

import torch

from bench.markdown import DOCS, as_table
from bench.studies.results import append_result, read_results

RESULTS = DOCS / "results" / "exports.jsonl"
WAYS = ("prompt", "chat", "pipeline")
_PAGE = """\
# Exported folders: the same answers everywhere

Greedy answers that are equal, character by character, to those of the run that a folder was exported from (`predict`, many rows
at once), asked one at a time: by **prompt**, by **chat** (the chat template and `generate`) and by **pipeline** (a chat, too).
`make exports` asks again and writes this page; `tests/test_exports.py` asks 12 rows of each.

{table}
The models of the first lines are tiny and almost untrained: long nonsense, which differs where anything differs.
The two that ship are the real ones. {dates}; Python {python}, PyTorch {torch}, {machine}.
"""


def record(
    path: Path,
    model: str,
    reference: str,
    version: str,
    expected: Mapping[str, Sequence[str]],
    answers: Mapping[str, Sequence[str]],
) -> None:
    """Append how many answers of an exported folder are equal to those expected.

    Args:
        path: A JSONL file.
        model: What was exported, in a few words.
        reference: What gave the expected answers.
        version: The version of transformers that loaded the folder.
        expected: The expected answers, row by row, by each of `WAYS`.
        answers: The answers of the folder by each of `WAYS`.
    """
    equal = {
        way: sum(one == other for one, other in zip(answers[way], expected[way], strict=True)) for way in WAYS
    }
    append_result(
        path,
        {
            "model": model,
            "reference": reference,
            "transformers": version,
            "rows": len(expected[WAYS[0]]),
            "different_answers": len(set(expected[WAYS[0]])),
            "equal": equal,
            "date": datetime.now(timezone.utc).date().isoformat(),
            "python": platform.python_version(),
            "torch": torch.__version__,
            "machine": platform.machine(),
        },
    )


def describe(results: Sequence[Mapping[str, Any]]) -> str:
    """Return the page; of the same model and version the last result counts."""
    last = {(result["model"], result["transformers"]): result for result in results}
    rows = [
        (
            result["model"], result["reference"], result["transformers"], str(result["rows"]), str(result["different_answers"]),
            *(str(result["equal"][way]) for way in WAYS),
        )
        for result in last.values()
    ]  # fmt: skip
    counted = ("rows", "different answers", *(f"equal by {way}" for way in WAYS))
    header = ("exported from", "equal to the answers of", "transformers", *counted)
    return _PAGE.format(
        table=as_table(header, rows),
        dates=_list(last.values(), "date"),
        python=_list(last.values(), "python"),
        torch=_list(last.values(), "torch"),
        machine=_list(last.values(), "machine"),
    )


def _list(results: Any, key: str) -> str:
    return ", ".join(sorted({result[key] for result in results}))


def main(path: Path = RESULTS) -> None:
    """Write the page beside the file of results."""
    results = read_results(path, parts={"model": str, "equal": dict})
    path.with_suffix(".md").write_text(describe(results), encoding="utf-8")


if __name__ == "__main__":
    main()
