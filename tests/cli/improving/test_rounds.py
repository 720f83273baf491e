"""Whole rounds are tested with the command in tests/cli/commands/test_improve.py."""

from __future__ import annotations

import json
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from cli.improving.grounds import read_grounds
from cli.improving.job import open_folder
from cli.improving.rounds import describe_yield, improve, keep_rows, prepare_round, read_lines
from configs.lookup import load_yaml
from tests.helpers.improving import make_job, write_run, write_table


def test_a_round_that_keeps_nothing_says_what_became_of_its_candidates(tmp_path: Path) -> None:
    write_run(tmp_path)
    job = make_job(tmp_path)
    with pytest.raises(
        ValueError, match=r"Expected round 1 to keep answers, but it kept none \(10 inputs, 30 candidates"
    ):
        keep_rows(job, 1, tmp_path / "one", read_grounds(job), 5)
    assert not (tmp_path / "one" / "kept.parquet").exists()


def test_a_table_without_inputs_that_may_be_asked_is_told(tmp_path: Path) -> None:
    write_run(tmp_path)
    write_table(tmp_path / "known.csv", [f"ball {number}" for number in range(60)])
    job = make_job(tmp_path, source=str(tmp_path / "known.csv"))
    with pytest.raises(
        ValueError,
        match=r"Expected inputs to ask, but .* has none \(.* held out, .* asked in training\)",
    ):
        keep_rows(job, 1, tmp_path / "one", read_grounds(job), 5)


def test_the_settings_of_the_fit_are_written_last_and_hold_the_mix(tmp_path: Path) -> None:
    write_run(tmp_path)
    write_table(tmp_path / "new.csv", [f"car {number}" for number in range(30)], with_answers=False)
    job = make_job(tmp_path, source=str(tmp_path / "new.csv"), reward="valid")
    open_folder(job)
    folder = job.folder / "rounds" / "1"
    prepare_round(job, 1, folder)
    settings = load_yaml(folder / "fit.yaml")
    kept = pq.read_table(folder / "kept.parquet")
    assert 0 < len(kept) <= 10
    assert settings["data"]["cache"] is False
    shares = settings["data"]["task"]
    assert shares[str(folder / "kept.yaml")] == pytest.approx(len(kept) / 31)
    assert json.loads((folder / "yield.json").read_text())["kept"] == len(kept)
    assert read_lines(job.folder) == []


def test_rounds_that_are_done_are_not_run_again(tmp_path: Path) -> None:
    write_run(tmp_path)
    job = make_job(tmp_path, rounds=1)
    open_folder(job)
    (job.folder / "rounds.jsonl").write_text('{"round": 1}\n')
    assert improve(job, lambda words: pytest.fail("fitted")) == [{"round": 1}]


def test_yield_in_words() -> None:
    gained = {
        "inputs": 1200, "candidates": 9600, "distinct": 4000, "passed": 5000, "all_right": 400, "all_wrong": 300, "mixed": 500,
        "kept": 800, "left_out": {"duplicate": 100}, "inputs_left_out": {},
    }  # fmt: skip
    assert describe_yield(gained) == (
        "1,200 inputs, 9,600 candidates, 4,000 distinct, 5,000 passed; inputs all right 400, mixed 500, all wrong 300; kept 800 "
        "(100 duplicate); of the table none left out"
    )
