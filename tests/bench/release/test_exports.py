from __future__ import annotations

from pathlib import Path

from bench.release.exports import describe, main, record
from bench.studies.results import read_results

EXPECTED = {"prompt": ["a", "b"], "chat": ["a", "b"], "pipeline": ["a", "b"]}
ANSWERS = {"prompt": ["a", "b"], "chat": ["a", "c"], "pipeline": ["x", "y"]}


def test_answers_are_counted_by_each_way(tmp_path: Path) -> None:
    path = tmp_path / "exports.jsonl"
    record(path, "LoRA", "`predict`", "4.57.6", EXPECTED, ANSWERS)
    [result] = read_results(path, parts={})
    assert result["equal"] == {"prompt": 2, "chat": 1, "pipeline": 0}
    assert (result["rows"], result["different_answers"]) == (2, 2)


def test_the_page_has_the_last_result_of_each_model_and_version(tmp_path: Path) -> None:
    path = tmp_path / "exports.jsonl"
    for expected in (ANSWERS, EXPECTED):
        record(path, "LoRA", "`predict`", "4.57.6", expected, ANSWERS)
    record(path, "LoRA", "`predict`", "5.23.0", EXPECTED, ANSWERS)
    main(path)
    page = path.with_suffix(".md").read_text()
    assert page == describe(read_results(path, parts={}))
    lines = [line for line in page.splitlines() if line.startswith("| LoRA")]
    assert lines == [f"| LoRA | `predict` | {version} | 2 | 2 | 2 | 1 | 0 |" for version in ("4.57.6", "5.23.0")]  # fmt: skip
