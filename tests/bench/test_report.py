from __future__ import annotations

import json

from bench import grid
from bench.report import DOCS, as_table, fill, paired_ratio


def test_the_pages_hold_the_measured_numbers() -> None:
    results = [json.loads(line) for line in (DOCS / "speed.jsonl").read_text(encoding="utf-8").splitlines()]
    for name in ("speed", "scaling"):
        text = (DOCS / f"{name}.in.md").read_text(encoding="utf-8").replace("<!-- grid -->\n", grid.table())
        assert (DOCS / f"{name}.md").read_text(encoding="utf-8") == fill(text, results), (
            f"docs/{name}.md is not what `python -m bench.report` writes"
        )


def test_ratios_are_taken_within_a_round() -> None:
    ours = [{"round": 0, "rate": 10}, {"round": 1, "rate": 20}, {"round": 2, "rate": 30}]
    theirs = [{"round": 2, "rate": 10}, {"round": 0, "rate": 5}, {"round": 1, "rate": 10}]
    assert paired_ratio(ours, theirs, "rate") == 2


def test_a_section_without_results_says_so() -> None:
    assert fill("<!-- mfu -->\n", []) == "Not measured yet.\n"


def test_a_table_is_markdown() -> None:
    assert as_table(("a", "b"), [("1", "2")]) == "| a | b |\n| --- | --- |\n| 1 | 2 |\n"
