"""The page from measured lines; the fits themselves take hours."""

from __future__ import annotations

import base64
import json
from pathlib import Path

import numpy as np
import pytest

from bench.release import improve
from bench.release.improve import (
    ARMS,
    PAGE,
    PARTS,
    RESULTS,
    find_pairs,
    main,
    pack_right,
    unpack_right,
    write_page,
)
from bench.studies.results import Result, read_results
from datamodules.storage.safe_csv import write_csv


def line(arm: str, seed: int, right: list[bool], exact: float, asked: str = "same") -> Result:
    one = {"round": 1, "inputs": 2000, "candidates": 16000, "distinct": 9000, "passed": 5000, "all_right": 400, "mixed": 900,
           "all_wrong": 700, "kept": 1100}  # fmt: skip
    return {
        "arm": arm, "seed": seed, "task": "smiles_to_iupac", "rows": len(right), "asked": asked,
        "right": base64.b64encode(np.packbits(right).tobytes()).decode(),
        "metrics": {"exact_match": [exact, exact - 0.02, exact + 0.02], "length": [31.0, 30.0, 32.0]},
        "rounds": [one], "flags": [], "revision": "x",
    }  # fmt: skip


def test_page_pairs_the_rows_of_a_seed_and_tells_what_left_the_controls_interval() -> None:
    control = line("control", 0, [True] * 10 + [False] * 30, 0.30)
    improved = line("improved", 0, [True] * 9 + [False] + [True] * 12 + [False] * 18, 0.25)
    page = write_page([control, improved, line("control", 1, [True], 0.3)])
    assert "| 0 | 40 | 25.0 | 52.5 | +27.5 (" in page
    assert "| 1 | 12 | 0.0034 |" in page
    assert "| exact match, % | 0 | 30.0 (28.0 to 32.0) | 25.0 | below |" in page
    assert "| characters an answer | 0 | 31.0 (30.0 to 32.0) | 31.0 | yes |" in page
    assert "| 0 | 1 | 2,000 | 16,000 | 9,000 | 5,000 | 400 | 900 | 700 | 1,100 |" in page
    assert "preferred" not in page


def test_seeds_with_other_rows_are_not_paired() -> None:
    assert find_pairs([line("control", 0, [True], 0.3), line("improved", 0, [True], 0.3, "other")]) == []


def test_right_answers_are_kept_by_row_whatever_their_order() -> None:
    rows = [
        {"task": "t", "input": str(n), "target": "x", "verdict": ("exact", "formula", "equivalent")[n % 3]}
        for n in range(20)
    ]
    packed = pack_right(rows, "t")
    assert packed == pack_right(rows[::-1], "t")
    assert unpack_right(packed).sum() == 13


def test_a_seed_runs_both_arms_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    asked: list[list[str]] = []

    def run(words: list[str], folder: Path) -> None:
        asked.append(words)
        name = words[words.index("--name") + 1] if words[0] == "improve" else ""
        if words[0] == "improve":
            rounds = folder / "runs" / name
            rounds.mkdir(parents=True)
            (rounds / "rounds.jsonl").write_text(
                json.dumps({"round": 1, "run": f"runs/{name}-1", "kept": 1}) + "\n"
            )
            return
        run_folder = Path(words[2]).parent.parent
        (run_folder / "test" / "predictions").mkdir(parents=True)
        columns = ("task", "input", "target", "prediction", "verdict")
        found = {"task": "t", "input": "a", "target": "b", "prediction": "bb", "verdict": "exact"}
        write_csv(run_folder / "test" / "predictions" / "test_epoch_0.csv", columns, [found])
        shares = {f"{one}{end}": 1.0 for one in ("exact_match", "readable") for end in ("", "_low", "_high")}
        summary = {"test": {"tasks": {"t": {"rows": 1, "outcome_exact": 1.0, **shares}}}}
        (run_folder / "summary.json").write_text(json.dumps(summary))

    monkeypatch.setattr(improve, "run_train", run)
    monkeypatch.setattr(improve, "RESULTS", tmp_path / "improve.jsonl")
    monkeypatch.setattr(improve, "PAGE", tmp_path / "improve.md")
    monkeypatch.setattr(improve, "describe_rounds", lambda line: [])
    words = [
        "--task",
        "t",
        "--seeds",
        "4",
        "--folder",
        str(tmp_path),
        "--data.source",
        "new.csv",
        "--steps",
        "9",
    ]
    main(words)
    assert [one[0] for one in asked] == ["improve", "test"] * 2
    assert asked[0][-2:] == ["--real", "1"]
    assert all({"--steps", "9", "--seed", "4"} <= set(one) for one in asked[::2])
    lines = read_results(tmp_path / "improve.jsonl", PARTS)
    assert [(one["arm"], one["metrics"]["length"][0]) for one in lines] == [
        ("control", 2.0),
        ("improved", 2.0),
    ]
    main(words)
    assert len(asked) == 4
    assert "| 4 | 1 | 100.0 | 100.0 |" in (tmp_path / "improve.md").read_text()
    with pytest.raises(SystemExit):
        main([*words[:-1], "10"])
    assert (
        "(t, --data.source new.csv --steps 9), but got t, --data.source new.csv --steps 10"
        in capsys.readouterr().err
    )


def test_too_few_test_rows_are_refused(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["--test_rows", "100"])
    assert "Expected --test_rows to be 2,000 or more, but got 100" in capsys.readouterr().err


def test_committed_page_is_made_of_the_committed_lines() -> None:
    if lines := read_results(RESULTS, PARTS):
        assert PAGE.read_text(encoding="utf-8") == write_page(lines)
        assert {found["arm"] for found in lines} <= set(ARMS)
