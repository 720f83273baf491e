"""`predict` from the command line: shards of a file, and a command that is killed."""

from __future__ import annotations

import csv
import io
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

import train
from cli.run_folder import claimed
from tests.helpers.runs import PAIRS, PROJECT, command_here, write_tiny_base

FLAGS = ["--data.task", "smiles_to_iupac", "--model.generation.max_new_tokens", "4"]


def write_file(folder: Path, copies: int = 1) -> Path:
    """Write a table of molecules; two rows of each copy cannot be asked."""
    path = folder / "new.csv"
    cells = [smiles for smiles, _ in PAIRS] + ["C(C)(C)(C)(C)C", ""]
    path.write_text("id,smiles\n" + "".join(f"{n},{cell}\n" for n, cell in enumerate(cells * copies)))
    return path


def write_questions(folder: Path, copies: int = 1) -> list[str]:
    """Write a file and a tiny base; return the flags that ask it."""
    return [
        *FLAGS,
        "--model.base",
        write_tiny_base(folder),
        "--data.predict_path",
        str(write_file(folder, copies)),
    ]


def read(path: Path) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(path.read_text(encoding="utf-8"), newline="")))


def without_last_digits(rows: list[dict[str, str]]) -> list[dict[str, str]]:
    return [{**row, "score": row["score"] and f"{float(row['score']):.4f}"} for row in rows]


def test_shards_together_are_the_whole(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    flags = write_questions(tmp_path)
    # What is drawn for a row depends on its number in the file, not in the shard.
    flags += ["--model.generation.strategy", "sample", "--data.eval_batch_size", "2"]
    train.main(["predict", *flags, "--output", "whole.csv"])
    for number in (1, 2, 3):
        train.main(["predict", *flags, "--output", "part.csv", "--data.predict_shard", f"{number}/3"])
    parts = sorted(tmp_path.glob("part*"))
    assert [path.name for path in parts] == [f"part-{number}-of-3.csv" for number in (1, 2, 3)]
    assert [len(read(path)) for path in parts] == [8, 8, 9]
    joined = [row for path in parts for row in read(path)]
    assert without_last_digits(joined) == without_last_digits(read(tmp_path / "whole.csv"))


def test_a_shard_of_a_run_has_its_own_file_and_claim(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    flags = write_questions(tmp_path)
    for number in (1, 9):
        train.main(["predict", "--name", "a", *flags, "--data.predict_shard", f"{number}/12"])
    found = sorted(path.name for path in (tmp_path / "runs" / "a" / "predict").rglob("*"))
    assert found == [
        "new-01-of-12.command.yaml", "new-01-of-12.csv",
        "new-09-of-12.command.yaml", "new-09-of-12.csv", "predictions",
    ]  # fmt: skip


def test_two_spellings_of_a_shard_have_one_file_claim_and_command(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    flags = write_questions(tmp_path)
    claims = list[str | None]()

    def note_claim(folder: Path, subcommand: str, words: list[str], shard: str | None) -> Any:
        claims.append(shard)
        return claimed(folder, subcommand, words, shard)

    monkeypatch.setattr("cli.patois_cli.claimed", note_claim)
    for shard in ("9/12", "09/012"):
        train.main(["predict", "--name", "a", *flags, "--data.predict_shard", shard])
    assert claims == ["9/12", "9/12"]
    found = sorted(path.name for path in (tmp_path / "runs" / "a" / "predict" / "predictions").iterdir())
    assert found == ["new-09-of-12.csv"]  # the second command is the first one again: nothing is kept aside


def test_a_shard_or_a_file_without_anything_to_ask_is_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "new.csv").write_text("id,smiles\na,C\nb,C(C)(C)(C)(C)C\n")
    (tmp_path / "bad.csv").write_text("id,smiles\nb,C(C)(C)(C)(C)C\nc,\n")
    flags = [*FLAGS, "--model.base", write_tiny_base(tmp_path), "--output", "out.csv"]
    found = {}
    for source, shard in (("new.csv", "2/2"), ("new.csv", "1/9"), ("bad.csv", None)):
        path = tmp_path / ("out.csv" if shard is None else f"out-{shard.replace('/', '-of-')}.csv")
        part = [] if shard is None else ["--data.predict_shard", shard]
        train.main(["predict", *flags, "--data.predict_path", source, *part])
        found[shard] = [(row["id"], row["line"], row["prediction"], row["reason"]) for row in read(path)]
    assert found == {
        "2/2": [("b", "3", "", "smiles: valence")],
        "1/9": [],
        None: [("b", "2", "", "smiles: valence"), ("c", "3", "", "smiles: empty input")],
    }
    assert not list(tmp_path.glob("*.unfinished"))
    assert (tmp_path / "out-1-of-9.csv").read_text().startswith("id,smiles,line,input,prediction")


@pytest.mark.parametrize("shard", ["0/3", "4/3", "3", "a/b", "1/0", "-1/3", "1.5/3"])
def test_a_shard_that_is_none_is_refused(tmp_path: Path, shard: str) -> None:
    words = ["predict", "--data.predict_path", str(write_file(tmp_path)), f"--data.predict_shard={shard}"]
    done = command_here(words, tmp_path)
    assert done.returncode != 0
    [line] = [line for line in done.stderr.splitlines() if "predict_shard" in line]
    assert "Expected --data.predict_shard to be a shard such as 3/16 (from 1/16 to 16/16), but got" in line


@pytest.mark.slow
def test_predict_that_is_killed_goes_on_and_writes_each_row_once(tmp_path: Path) -> None:
    flags = write_questions(tmp_path, 60)
    flags += ["--data.eval_batch_size", "1"]
    command = [sys.executable, str(PROJECT / "train.py"), "predict", *flags, "--output"]
    done = subprocess.run([*command, "whole.csv"], cwd=tmp_path, capture_output=True, check=True)
    first = subprocess.Popen(
        [*command, "out.csv"],
        cwd=tmp_path,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    journal, deadline = tmp_path / "out.csv.unfinished", time.monotonic() + 600
    while not journal.exists() or journal.read_bytes().count(b"\n") < 100:
        assert time.monotonic() < deadline
        assert first.poll() is None, "it ended before it was killed"
        time.sleep(0.02)
    os.killpg(first.pid, signal.SIGKILL)
    first.wait()
    assert not (tmp_path / "out.csv").exists()
    done = subprocess.run([*command, "out.csv"], cwd=tmp_path, capture_output=True, text=True, check=True)
    assert "rows have their answers from before; the others follow" in done.stdout
    assert (tmp_path / "out.csv").read_bytes() == (tmp_path / "whole.csv").read_bytes()
    assert not journal.exists()
