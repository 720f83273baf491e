"""The measurement with a test that is not run, and the section of the card."""

from __future__ import annotations

import csv
import json
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path

import pytest

from bench.release.flagship import external
from bench.release.flagship.card import SURE
from bench.release.flagship.parts import PARTS
from bench.release.flagship.sure import describe_sure
from bench.studies import one_test

METRICS = {f"{share}{end}": value for share, value in (("exact_match", 0.5), ("outcome_exact", 0.5), ("outcome_equivalent", 0.25))
           for end in ("", "_low", "_high")}  # fmt: skip
RULES = [
    {"rule": "own", "right": "0.5", "low": "0.4", "high": "0.6", "exact": "0.5", "verified": "1"},
    {"rule": "back", "right": "0.75", "low": "0.7", "high": "0.8", "exact": "0.6", "verified": "0.74"},
]
ANSWERS = [{"score": "-0.004", "outcome": "exact"}, {"score": "-0.2", "outcome": "isomer"}]
STRATA = [
    {"stratum": "heavy_atoms", "bin": "0 to 5", "rows": "4", "exact_match": "0.5", "share_right": "0.75"}
]


@pytest.mark.parametrize("name", PARTS)
def test_a_line_has_the_shares_of_greedy_and_of_verified_answers(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    part, rules = PARTS[name], RULES if name == "names" else RULES[:1]

    def run(arguments: Sequence[str], folder: Path) -> None:
        flags = dict(pairwise(arguments))
        assert flags["--data.test_source"] == str(tmp_path / "pairs.csv")
        assert (flags["--data.task"], flags["--model.generation.candidates"]) == (part.task, "8")
        assert flags["--data.test_rows"] == "4"
        test = folder / "runs" / "once" / "test"
        (test / "predictions").mkdir(parents=True)
        tasks = {part.task: {"rows": 4, **METRICS}}
        (test.parent / "summary.json").write_text(json.dumps({"test": {"tasks": tasks}}))
        for file, lines in (
            ("rerank.csv", rules),
            ("strata.csv", STRATA),
            ("predictions/test_epoch_0.csv", ANSWERS),
        ):
            with (test / file).open("w", newline="") as table:
                writer = csv.DictWriter(table, list(lines[0]))
                writer.writeheader()
                writer.writerows(lines)

    monkeypatch.setattr(one_test, "run_train", run)
    line = external.measure(part, tmp_path / "pairs.csv", rows=4)
    assert (line["rows"], line["exact_match"], line["right"]) == (4, 0.5, 0.75)
    assert line["strata"] == [["heavy_atoms", "0 to 5", 4, 0.5, 0.75]]
    assert line["sure"][1] == [0.8, 2, 2, 1]
    assert line.get("verified_right") == (0.75 if name == "names" else None)
    text = external.describe(line)
    assert "| greedy | 50.0 % (50.0 to 50.0) | 75.0 % (" in text
    assert ("| the one of 8 that OPSIN reads back | 60.0 % | 75.0 % (70.0 to 80.0) |" in text) == (
        name == "names"
    )
    assert "| heavy atoms | 0 to 5 | 4 | 50.0 % | 75.0 % |" in text


def test_committed_cards_have_the_last_committed_lines() -> None:
    for part in PARTS.values():
        line = external.latest(part)
        assert line is not None
        card = (part.folder / "README.md").read_text(encoding="utf-8")
        assert external.describe(line) in card
        own = json.loads((part.results / "test" / SURE).read_text())
        assert describe_sure(own, line["sure"]) in card


def test_a_table_says_which_threshold_holds_on_both() -> None:
    own, other = [[0.9, 9, 5, 5], [0.99, 9, 3, 3]], [[0.9, 9, 4, 2], [0.99, 9, 1, 1]]
    text = describe_sure(own, other)
    assert "| 0.9 | 55.6 % | 100.0 % (56.6 to 100.0) | 44.4 % | 50.0 % (15.0 to 85.0) |" in text
    assert "From 0.99 on, at least 99 % are right on both" in text
    assert "At none of these thresholds" in describe_sure(own, [[0.9, 9, 4, 2], [0.99, 9, 0, 0]])


def test_weights_without_a_measurement_have_no_line(tmp_path: Path) -> None:
    assert external.latest(PARTS["names"], tmp_path / "none.jsonl") is None
