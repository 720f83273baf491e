from __future__ import annotations

import fcntl
import json
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from bench.studies import __main__ as command
from bench.studies import cells
from bench.studies.grid import Flags, Study, expand, run_name
from bench.studies.results import append_result, as_estimates, read_results
from bench.studies.verdicts import unpack_verdicts
from cli.run_folder import resolve_keyword

STUDY = Study("s", "", {"a": [1, 2, 3], "b": ["x"]})


REST = {"test": {}, "versions": {}, "steps": 1, "fit_seconds": 1.5, "test_seconds": 1, "revision": "r"}


class Killed(BaseException):
    """As a signal ends a process: nothing of ours catches it."""


def test_killed_study_resumes_the_interrupted_cell(tmp_path: Path) -> None:
    path, ran = tmp_path / "new" / "s.jsonl", []

    def runner(study: str, flags: Flags) -> dict[str, Any]:
        ran.append(flags["a"])
        if ran == [1, 2]:
            raise Killed
        return {"study": study, "flags": flags, **REST}

    with pytest.raises(Killed):
        command.run_study(STUDY, path, runner, say=lambda _: None)
    assert [result["flags"]["a"] for result in read_results(path)] == [1]
    assert command.run_study(STUDY, path, runner, most=1, say=lambda _: None) == 1
    tidied: list[Flags] = []
    add = lambda _, flags: tidied.append(flags)  # noqa: E731
    assert command.run_study(STUDY, path, runner, say=lambda _: None, tidy=add) == 1
    assert [flags["a"] for flags in tidied] == [3]
    assert command.run_study(STUDY, path, runner, say=lambda _: None) == 0
    assert ran == [1, 2, 2, 3]
    assert [result["flags"] for result in read_results(path)] == expand(STUDY)


def test_partial_line_of_a_killed_study_is_ignored_and_ended(tmp_path: Path) -> None:
    path = tmp_path / "r.jsonl"
    one, other = ({"flags": {"a": number}, **REST} for number in (1, 2))
    append_result(path, one)
    whole = path.read_bytes()
    for cut in range(1, len(whole)):
        path.write_bytes(whole + whole[:cut])
        assert read_results(path) == [one]
        append_result(path, other)
        assert read_results(path) == [one, other]
    path.write_text("{\n" + whole.decode())
    with pytest.raises(ValueError, match="line 1: expected JSON"):
        read_results(path)
    path.write_text('{"flags": {}}\n')
    with pytest.raises(ValueError, match=r"line 1: expected 'test' to be there and an object, but got None"):
        read_results(path)
    path.write_text(json.dumps({"flags": {}, **REST, "steps": "many"}) + "\n")
    with pytest.raises(
        ValueError, match=r"line 1: expected 'steps' to be there and a whole number, but got 'many'"
    ):
        read_results(path)
    path.write_text(json.dumps({"flags": {}, **REST, "test": {"t": {"rows": 4}}}) + "\n")
    with pytest.raises(ValueError, match=r"line 1: expected rows and metrics of the task 't'"):
        read_results(path)
    path.write_text("[]\n")
    with pytest.raises(ValueError, match=r"line 1: expected an object"):
        read_results(path)
    assert read_results(tmp_path / "none") == []


def test_results_hold_numerator_and_denominator_of_shares() -> None:
    import numpy as np

    metrics = {
        "rows": 1127, "exact_match": float(np.float32(311 / 1127)), "exact_match_low": 0.25, "exact_match_high": 0.3,
        "edit_distance": 2.0, "round_trip": 1 / 3,
    }  # fmt: skip
    found = as_estimates(metrics)
    assert found["exact_match"] == {
        "value": metrics["exact_match"], "low": 0.25, "high": 0.3, "numerator": 311, "denominator": 1127,
    }  # fmt: skip
    assert found["edit_distance"] == {"value": 2.0}
    assert found["round_trip"] == {"value": 1 / 3}  # of other rows than all


TRUTH = ("false", "true", "true", "false")


class FakeTrainer:
    """Stands for `python train.py`: writes what fit and test write, or is killed."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.kill_at, self.written = folder, -1, False
        self.calls: list[str] = []

    def __call__(self, arguments: Sequence[str], folder: Path, lock: int) -> None:
        assert folder == self.folder
        other = next((folder / "runs").iterdir()) / "study_lock"
        with other.open("w") as file, pytest.raises(BlockingIOError):
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        resolve_keyword(
            list(arguments), folder / "runs"
        )  # refuses `last` where there is nothing to go on with
        self.calls.append(arguments[0])
        if arguments[0] == "fit":
            said = [word.split("=")[1] for word in arguments if word.startswith("--trainer.precision=")]
            (other.parent / "config.yaml").write_text(
                f"trainer: {{precision: {said[-1] if said else 'bf16-mixed'}}}\n"
            )
        run, killed = other.parent, len(self.calls) - 1 == self.kill_at
        if self.written or not killed:
            (run / "checkpoints").mkdir(exist_ok=True)
            (run / "checkpoints" / "last.ckpt").touch()
        if killed:
            raise Killed
        tasks = {"t": {"rows": 4, "exact_match": 0.5}}
        summary = {stage: {"seconds": 1.5, "tasks": tasks} for stage in ("fit", "test")}
        (run / "summary.json").write_text(json.dumps(summary))
        cells = "".join(f"t,{given},x,wrong,{right}\n" for given, right in zip("dabc", TRUTH, strict=True))
        (run / "test" / "predictions").mkdir(parents=True, exist_ok=True)
        (run / "test" / "predictions" / "test_epoch_1.csv").write_text(
            "task,input,target,verdict,same_string\n" + cells
        )


@pytest.mark.parametrize(
    ("kill_at", "written", "stages", "sittings"),
    [(0, False, "fit fit test", 1), (0, True, "fit fit test", 2), (1, True, "fit test test", 1)],
)
def test_cell_does_not_repeat_a_fit_that_has_ended(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kill_at: int, written: bool, stages: str, sittings: int
) -> None:
    trainer = FakeTrainer(tmp_path)
    monkeypatch.setattr(cells, "run_train", trainer)
    monkeypatch.setattr(cells, "count_steps", lambda _: 7)
    flags, trainer.kill_at, trainer.written = {"a": 1, "seed_everything": 3}, kill_at, written
    with pytest.raises(Killed):
        cells.run_cell("s", flags, tmp_path)
    result = cells.run_cell("s", flags, tmp_path)
    assert trainer.calls == stages.split()
    assert result["sittings"] == sittings  # that its seconds are of the last of
    assert (result["steps"], result["seed"], result["flags"]) == (7, 3, flags)
    assert result["test"]["t"]["metrics"]["exact_match"]["numerator"] == 2
    assert unpack_verdicts(result["test"]["t"]["verdicts"], 4).tolist() == [
        True,
        True,
        False,
        False,
    ]  # a, b, c, d
    assert set(result) >= {"fit_seconds", "test_seconds", "versions", "revision"}
    assert result["precision"] == "bf16-mixed"
    run = tmp_path / "runs" / run_name("s", flags)
    assert (run / "checkpoints").is_dir()
    cells.remove_weights("s", flags, tmp_path)
    assert not (run / "checkpoints").exists()
    assert (run / "summary.json").is_file()
    (run / "predictions").mkdir()  # which a fit would refuse to mix with its own
    assert cells.run_cell("s", flags, tmp_path)["sittings"] == 1
    assert trainer.calls == [*stages.split(), "fit", "test"]
    assert not (run / "predictions").exists()


def test_lock_is_kept_by_a_process_that_outlives_its_runner(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "train.py").write_text("import sys; sys.stdin.read()")
    monkeypatch.setattr(cells, "PROJECT", tmp_path)
    left: list[subprocess.Popen[bytes]] = []

    def start(command: Sequence[str], *, pass_fds: tuple[int, ...], **_: Any) -> None:
        assert command[0] == sys.executable
        left.append(subprocess.Popen(command, stdin=subprocess.PIPE, pass_fds=pass_fds))
        raise Killed

    monkeypatch.setattr(cells.subprocess, "run", start)
    with pytest.raises(Killed):
        cells.run_cell("s", {"seed_everything": 0}, tmp_path)
    [path] = (tmp_path / "runs").glob("*/study_lock")
    with path.open("w") as file:
        with pytest.raises(BlockingIOError):
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        left[0].communicate()
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)


def test_cell_that_fails_says_why(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    failed = subprocess.CompletedProcess([], 1, "", "error: no such flag")
    monkeypatch.setattr(cells.subprocess, "run", lambda *_, **__: failed)
    with pytest.raises(RuntimeError, match=r"(?s)train\.py fit --name study-s-.* --a=1 .*no such flag"):
        cells.run_cell("s", {"a": 1, "seed_everything": 0}, tmp_path)


def test_precision_is_not_part_of_a_cell(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cells, "run_train", FakeTrainer(tmp_path))
    monkeypatch.setattr(cells, "count_steps", lambda _: 7)
    flags = {"a": 1, "seed_everything": 3}
    result = cells.run_cell("s", flags, tmp_path, precision="32-true")
    assert (result["flags"], result["precision"]) == (flags, "32-true")
    with pytest.raises(ValueError, match=r"the study sets trainer\.precision"):
        cells.run_cell("s", flags | {"trainer.precision": "bf16-mixed"}, tmp_path, precision="32-true")


def test_studies_command_lists_runs_and_reports(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    shares = {"value": 0.5, "low": 0.3, "high": 0.7, "numerator": 2, "denominator": 4}

    def run_cell(study: str, flags: Flags, precision: str | None = None) -> dict[str, Any]:
        return {
            "study": study, "flags": flags, "seed": 0, "steps": 1, "fit_seconds": 60, "test_seconds": 1, "sittings": 1,
            "test": {"t": {"rows": 4, "metrics": {"exact_match": shares}}}, "versions": {"torch": "1"}, "revision": "r",
            **({"precision": precision} if precision else {}),
        }  # fmt: skip

    monkeypatch.setattr(command, "run_cell", run_cell)
    words = ["epochs", "--results", str(tmp_path), "--set", "trainer.max_epochs=[1,3]"]
    command.main(["run", *words, "--cells", "1", "--precision", "32-true"])
    command.main(["list", *words])
    shown = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in shown if "--trainer.max_epochs" in line] == [
        "cell",
        "done",
        "missing",
    ]
    command.main(["run", "epochs", "--results", str(tmp_path), "--set", "trainer.max_epochs=[2]"])
    append_result(tmp_path / "epochs.jsonl", read_results(tmp_path / "epochs.jsonl")[0])
    command.main(["report", *words, "--html", str(tmp_path / "page.html")])
    assert (tmp_path / "page.html").is_file()
    assert "2 lines of" in capsys.readouterr().out  # one of another grid, and one twice
    with pytest.raises(SystemExit):
        command.main(["run", *words, "--cells", "-1"])
    assert "--cells to be 0 or more" in capsys.readouterr().err
    assert "50.0 % (15.0 to 85.0), 2/4" in (tmp_path / "epochs.md").read_text()
    assert "1 in 32-true. Made with" in (tmp_path / "epochs.md").read_text()
    assert (tmp_path / "epochs.html").is_file()
    with pytest.raises(SystemExit):
        command.main(["report", "epochs", "--results", str(tmp_path / "empty")])
    assert "run the study first" in capsys.readouterr().err
