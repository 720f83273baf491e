from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from bench.studies.cells import count_steps
from cli.commands import improve
from cli.exit_status import UsageError
from cli.improving import drawing
from cli.improving.job import find_values
from configs.lookup import load_yaml
from datamodules.rows.training_record import load_record
from datamodules.splits import TRAIN, split_by_hash
from tests.helpers.improving import fit_here, fit_nothing, fit_tiny, run_improve, write_run, write_table
from tests.helpers.runs import PROJECT, command

FLAGS = ("--data.source", "new.csv", "--inputs", "20", "--candidates", "6", "--steps", "4", "--rounds", "2")


@pytest.fixture(scope="module")
def fitted(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a tiny model's run, and a table of new questions."""
    folder = tmp_path_factory.mktemp("improve")
    fit_tiny(folder)
    write_table(folder / "new.csv", [f"car {number}" for number in range(40)])
    return folder


@pytest.fixture
def place(fitted: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of it to work in."""
    shutil.copytree(
        fitted, tmp_path / "copy", ignore=shutil.ignore_patterns("wandb")
    )  # its links may lead nowhere
    monkeypatch.chdir(tmp_path / "copy")
    return tmp_path / "copy"


def read_rounds(folder: Path, name: str = "x-improved") -> list[dict[str, object]]:
    lines = (folder / "runs" / name / "rounds.jsonl").read_text().splitlines()
    return [
        {key: value for key, value in json.loads(line).items() if not key.endswith("seconds")}
        for line in lines
    ]


def test_rounds_keep_right_answers_to_new_questions_and_train_on_them(
    place: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run_improve(*FLAGS, fit=fit_here)
    first, second = read_rounds(place)
    for line in (first, second):
        assert line["candidates"] == 6 * int(str(line["inputs"]))
        assert line["all_right"] + line["all_wrong"] + line["mixed"] == line["inputs"]  # type: ignore[operator]
        assert line["mixed"]
    assert first["kept"]
    kept = pq.read_table(place / "runs/x-improved/rounds/2/kept.parquet").to_pylist()
    assert second["kept_in_all"] == len(kept)
    assert {row["round"] for row in kept} <= {1, 2}
    right = dict(line.split(",") for line in (place / "new.csv").read_text().splitlines())
    assert all(right[row["input"]] == row["output"] for row in kept)
    inputs = [row["input"] for row in kept]
    assert (split_by_hash(inputs, 0.2, 0.2) == TRAIN).all()
    assert second["inputs_left_out"]["held_out"] > 0  # type: ignore[index]
    settings = load_yaml(place / "runs/x-improved-2/config.yaml")
    assert settings["model"]["base"] == "runs/x-improved-1/hf"
    assert settings["seed_everything"] == 2
    record = load_record(place / "runs/x-improved-2/training_rows.npz")
    assert record is not None
    assert record.pairs is not None
    assert len(record.pairs) > len(load_record(place / "runs/x/training_rows.npz").pairs)  # type: ignore[union-attr, arg-type]
    assert "test --ckpt_path runs/x-improved-2" in capsys.readouterr().out


def test_the_same_command_again_does_nothing_and_more_rounds_go_on(place: Path) -> None:
    run_improve(*FLAGS[:-1], "1")
    before = read_rounds(place)
    run_improve(*FLAGS[:-1], "1", fit=lambda words: pytest.fail("fitted again"))
    run_improve(*FLAGS)
    assert read_rounds(place)[0] == before[0]
    assert len(read_rounds(place)) == 2


class Killed(BaseException):
    """Ends the command at once."""


def test_a_killed_command_goes_on_where_it_stood(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(drawing, "CHUNK", 8)
    run_improve(*FLAGS, "--name", "whole")
    drawn: list[int] = []
    draw_chunk = drawing.draw_chunk

    def draw_and_die(model, task, questions, first, *rest):  # type: ignore[no-untyped-def]
        if len(drawn) == 1:
            drawn.append(-1)
            raise Killed
        drawn.append(first)
        return draw_chunk(model, task, questions, first, *rest)

    monkeypatch.setattr(drawing, "draw_chunk", draw_and_die)
    with pytest.raises(Killed):
        run_improve(*FLAGS, "--name", "killed")

    def fit_and_die(words: Sequence[str]) -> int:
        fit_nothing(words)
        raise Killed

    with pytest.raises(Killed):
        run_improve(*FLAGS, "--name", "killed", fit=fit_and_die)
    run_improve(*FLAGS, "--name", "killed")
    assert drawn[:2] == [0, -1]
    assert drawn.count(0) == 2  # once a round
    without = [
        [{key: value for key, value in line.items() if key != "run"} for line in read_rounds(place, name)]
        for name in ("whole", "killed")
    ]
    assert without[0] == without[1]
    for number in (1, 2):
        one, other = (
            pq.read_table(place / f"runs/{name}/rounds/{number}/kept.parquet") for name in ("whole", "killed")
        )
        assert one.equals(other)


def test_control_of_real_rows_alone_draws_nothing_and_has_as_many_steps(place: Path) -> None:
    run_improve(*FLAGS[:-1], "1", "--real", "1", "--name", "control", fit=fit_here)
    [line] = read_rounds(place, "control")
    assert "candidates" not in line
    assert not (place / "runs/control/rounds/1/candidates").exists()
    run_improve(*FLAGS[:-1], "1")
    control, improved = (
        load_yaml(place / f"runs/{name}/rounds/1/fit.yaml") for name in ("control", "x-improved")
    )
    assert control["trainer"] == improved["trainer"]
    assert control["model"] == improved["model"]
    assert control["data"]["task"] == {"runs/control/tasks/question_to_answer.yaml": 1.0}
    kept = improved["data"]["task"]["runs/x-improved/rounds/1/kept.yaml"]
    assert 0 < kept <= 0.5
    assert sum(improved["data"]["task"].values()) == pytest.approx(1)
    assert count_steps(place / "runs/control-1/checkpoints/last.ckpt") == 4


def test_fit_that_had_ended_before_the_kill_goes_on_to_its_end_once_more(place: Path) -> None:
    def fit_and_die(words: Sequence[str]) -> int:
        fit_here(words)
        raise Killed

    with pytest.raises(Killed):
        run_improve(*FLAGS[:-1], "1", "--real", "1", fit=fit_and_die)
    run_improve(*FLAGS[:-1], "1", "--real", "1", fit=fit_here)
    assert count_steps(place / "runs/x-improved-1/checkpoints/last.ckpt") == 4
    assert len(read_rounds(place)) == 1


def test_training_rows_whose_right_answers_are_known_keep_nothing_and_one_line_says_so(place: Path) -> None:
    with pytest.raises(
        ValueError, match=r"^Expected round 1 to keep answers, but it kept none \(.* duplicate.*\): ask for"
    ):
        run_improve("--inputs", "10", "--candidates", "4")


def test_flags_of_the_fit_go_to_it_and_other_flags_are_told(place: Path) -> None:
    asked: list[str] = []

    def fit_and_note(words: Sequence[str]) -> int:
        asked.extend(words)
        return fit_nothing(words)

    run_improve(*FLAGS[:-1], "1", "--data.batch_size", "4", "--model.optimizer.lr", "1e-3", fit=fit_and_note)
    assert asked[-4:] == ["--data.batch_size", "4", "--model.optimizer.lr", "1e-3"]
    assert read_rounds(place)[0]["rows"] == 4 * 4 - 1
    with pytest.raises(ValueError, match="but its steps is 4 and not 5: give another --name"):
        run_improve(
            *FLAGS[:-1], "1", "--data.batch_size", "4", "--model.optimizer.lr", "1e-3", "--steps", "5"
        )


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--rounds", "0"], "Expected --rounds to be 1 or more, but got 0"),
        (["--inputs", "0"], "Expected --inputs to be 1 or more, but got 0"),
        (["--candidates", "0"], "Expected --candidates to be 1 or more, but got 0"),
        (["--steps", "0"], "Expected --steps to be 1 or more, but got 0"),
        (["--seed", "-1"], "Expected --seed to be 0 or more, but got -1"),
        (["--real", "1.5"], r"Expected --real to be a share in \[0, 1\], but got 1.5"),
        (["--least", "0"], "Expected --least to be above 0 and at most 1, but got 0"),
        (["--temperature", "0"], "Expected --temperature to be above 0, but got 0"),
        (["--top_p", "2"], "Expected --top_p to be above 0 and at most 1, but got 2"),
        (["--task", "other"], "Expected --task to be one of question_to_answer, .* but got 'other'"),
        (["--name", "a/b"], "Expected --name to be letters"),
        (["--name", "x"], "Expected runs/x to hold rounds, but it is a run of its own: give another --name"),
        (["--model", "missing"], "Expected --model to be a run's folder"),
        (["--data.source", "none.csv"], "No source 'none.csv'"),
        (
            ["--data.source", "other.csv"],
            "to have the column .question., which question_to_answer asks, but it",
        ),
        (["--data.source", "bare.csv"], "Expected rows with references for the reward right"),
        (["--data.batch", "3"], "data.batch"),
        (["--data.batch_size", "0"], "batch_size"),
        (["--data.task", "smiles_to_iupac"], "Expected no --data.task: a round sets it itself"),
        (["--trainer.max_steps=7"], "Expected no --trainer.max_steps: a round sets it itself"),
        (["--data.split_seed", "3"], "Expected no --data.split_seed: rows stay on the sides"),
    ],
)
def test_mistakes_are_told_in_a_line_before_anything_is_written(
    fitted: Path, words: list[str], message: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(fitted)
    (fitted / "other.csv").write_text("a,b\n1,2\n")
    write_table(fitted / "bare.csv", ["car 1"], with_answers=False)
    before = sorted(path.name for path in (fitted / "runs").iterdir())
    with pytest.raises(ValueError, match=message) as error:
        run_improve(*words)
    assert "\n" not in str(error.value)
    assert sorted(path.name for path in (fitted / "runs").iterdir()) == before


def test_a_split_given_by_tables_is_judged_by_the_tables_of_the_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "val.csv").write_text("question,answer\nball 1,red\n")
    write_run(tmp_path, split_column="side", val_source="val.csv")
    job = improve.make_job(improve.read_options(["--model", "runs/x"]))
    assert find_values(job)["data.split_column"] == "side"


def test_unknown_flag_is_a_mistake_of_usage() -> None:
    with pytest.raises(UsageError, match=r"No flag is called --canidates; .*improve --help"):
        improve.read_options(["--canidates", "3"])


def test_help_lists_rewards_and_defaults() -> None:
    page = improve.make_parser().format_help()
    for words in ("right,valid,similarity,formula", "(default: 0.5)", "--real 1 is the control"):
        assert words in " ".join(page.split())


@pytest.mark.slow
@pytest.mark.timeout(1200)  # seven starts of a program that loads PyTorch, beside whatever else runs
def test_kill_9_at_any_moment_and_the_same_command_goes_on(place: Path) -> None:
    words = ["improve", "--model", "runs/x", *FLAGS]
    moments = ("x-improved/rounds/1/candidates/000000.parquet", "x-improved-1/config.yaml", "x-improved-1/hf/config.json",
               "x-improved/rounds/2/kept.parquet")  # fmt: skip
    for moment in moments:
        environment = {**os.environ, "WANDB_MODE": "disabled"}
        process = subprocess.Popen(
            [sys.executable, str(PROJECT / "train.py"), *words], cwd=place, env=environment
        )
        deadline = time.monotonic() + 240
        while (
            not (place / "runs" / moment).exists() and process.poll() is None and time.monotonic() < deadline
        ):
            time.sleep(0.02)
        process.kill()
        process.wait()
        assert (place / "runs" / moment).exists()
    done = command(words, place, timeout=400)
    assert done.returncode == 0, done.stderr
    assert [line["round"] for line in read_rounds(place)] == [1, 2]
