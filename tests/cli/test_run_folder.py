from __future__ import annotations

import os
from pathlib import Path
from types import SimpleNamespace

import pytest
import yaml
from lightning.pytorch.utilities import rank_zero_only

from cli import run_folder
from cli.checks.checkpoint_path import find_run
from cli.run_folder import (
    RUN_NAME_VARIABLE,
    goes_on,
    is_first_rank,
    make_run_folder,
    one_run,
    refuse_used,
    resolve_keyword,
    settle_folder,
)


@pytest.fixture(autouse=True)
def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A working folder of the test's own, and no cluster."""
    monkeypatch.chdir(tmp_path)
    for name in (RUN_NAME_VARIABLE, "TORCHELASTIC_RUN_ID", "SLURM_JOB_ID", "SLURM_RESTART_COUNT"):
        monkeypatch.setenv(name, "")  # so that it is taken back if code under test sets it
        monkeypatch.delenv(name)


def make_run(name: str) -> Path:
    folder = Path("runs") / name
    (folder / "checkpoints").mkdir(parents=True)
    (folder / "checkpoints" / "last.ckpt").touch()
    config = {"name": name, "trainer": {"default_root_dir": str(folder)}}
    (folder / "config.yaml").write_text(yaml.safe_dump(config))
    return folder


class Given(SimpleNamespace):
    """A configuration as far as it is asked for the folder."""

    def get(self, name: str) -> object:
        return getattr(self, name, None)


def config_of(name: str | None, ckpt_path: str | None, dirpath: str | None = None) -> Given:
    callback = Given(class_path="BestCheckpoint", init_args=InitArgs(dirpath))
    return Given(name=name, ckpt_path=ckpt_path, trainer=Given(callbacks=[callback]))


class InitArgs(dict):
    """`init_args`, which are read as a mapping and written as attributes."""

    def __init__(self, dirpath: str | None) -> None:
        super().__init__(dirpath=dirpath)

    def __setattr__(self, name: str, value: object) -> None:
        self[name] = value


def test_resumed_run_writes_where_its_checkpoint_lies() -> None:
    make_run("mine")
    assert settle_folder(config_of("mine", "runs/mine/checkpoints/last.ckpt"), Path("runs")) == Path(
        "runs/mine"
    )


def test_given_name_wins_over_the_checkpoints_run() -> None:
    make_run("mine")
    config = config_of("other", "runs/mine/checkpoints/last.ckpt", "runs/mine/checkpoints")
    assert settle_folder(config, Path("runs")) == Path("runs/other")
    assert config.trainer.callbacks[0].init_args["dirpath"] is None  # not where the old run's are


def test_renamed_run_folder_is_kept() -> None:
    make_run("mine").rename("runs/moved")
    config = config_of("mine", "runs/moved/checkpoints/last.ckpt", "runs/mine/checkpoints")
    assert settle_folder(config, Path("runs")) == Path("runs/moved")
    assert config.trainer.callbacks[0].init_args["dirpath"] is None


def test_given_checkpoint_folder_is_kept() -> None:
    make_run("mine")
    config = config_of("mine", "runs/mine/checkpoints/last.ckpt", "elsewhere")
    settle_folder(config, Path("runs"))
    assert config.trainer.callbacks[0].init_args["dirpath"] == "elsewhere"


def test_fresh_fit_into_a_used_folder_is_refused() -> None:
    folder = make_run("mine")
    make_run("other")
    for ckpt_path in (None, "runs/other/checkpoints/last.ckpt"):
        with pytest.raises(
            ValueError, match=r"runs/mine already holds a run.*--name.*--ckpt_path runs/mine/checkpoints/last"
        ):
            refuse_used(folder, ckpt_path)


@pytest.mark.parametrize("ckpt_path", ["last", "hpc", "runs/mine/checkpoints/last.ckpt"])
def test_resume_into_its_own_folder_is_not_refused(ckpt_path: str) -> None:
    refuse_used(make_run("mine"), ckpt_path)


@pytest.mark.parametrize("name", ["SLURM_RESTART_COUNT", "TORCHELASTIC_RESTART_COUNT"])
def test_requeued_job_is_not_refused(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    folder = make_run("job-7")
    monkeypatch.setenv(name, "0")
    assert not goes_on(None, folder)
    monkeypatch.setenv(name, "1")
    refuse_used(folder, None)


def test_other_ranks_accept_the_folder_that_rank_0_has_filled(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rank_zero_only, "rank", 1)
    refuse_used(make_run("mine"), None)


@pytest.mark.parametrize("name", ["RANK", "LOCAL_RANK", "NODE_RANK", "SLURM_PROCID"])
def test_a_rank_is_known_by_its_environment(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    monkeypatch.setenv(name, "0")
    assert is_first_rank()
    monkeypatch.setenv(name, "1")
    assert not is_first_rank()


def test_fit_that_failed_before_its_first_checkpoint_can_be_repeated() -> None:
    folder = make_run("mine")
    (folder / "checkpoints" / "last.ckpt").unlink()
    refuse_used(folder, None)


def test_find_run_takes_no_keyword_for_a_file() -> None:
    Path("config.yaml").touch()
    assert find_run("last") is None
    assert find_run(None) is None


def fail_in_a_run(message: str, file: str | None = None) -> None:
    """Begin a run, write a file into its folder if one is given, and fail."""
    with one_run(Path("runs")):
        folder = make_run_folder(None, Path("runs"))
        assert folder.is_dir()
        if file:
            (folder / file).touch()
        raise ValueError(message)


def test_error_leaves_no_empty_run_folder() -> None:
    with pytest.raises(ValueError, match="no such column"):
        fail_in_a_run("no such column")
    assert not Path("runs").exists()


def test_error_leaves_a_run_folder_with_files() -> None:
    with pytest.raises(ValueError, match="late"):
        fail_in_a_run("late", "set_aside.csv")
    assert len(list(Path("runs").glob("*/set_aside.csv"))) == 1


def test_runs_of_one_process_have_different_names() -> None:
    names = []
    for _ in range(2):
        with one_run(Path("runs")):
            names.append(make_run_folder(None, Path("runs")).name)
    assert len(set(names)) == 2


def test_rank_that_cannot_know_the_name_makes_no_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("TORCHELASTIC_RUN_ID", "none")  # torchrun without --rdzv-id
    monkeypatch.setattr(run_folder, "is_first_rank", lambda: False)
    make_run_folder(None, Path("runs"))
    assert not Path("runs").exists()


def begun(name: str, when: float, *checkpoints: str) -> Path:
    """A run that was begun at a time and has some checkpoints."""
    folder = Path("runs") / name
    (folder / "checkpoints").mkdir(parents=True)
    (folder / "config.yaml").write_text(f"name: {name}\n")
    os.utime(folder / "config.yaml", (when, when))
    for checkpoint in checkpoints:
        (folder / "checkpoints" / f"{checkpoint}.ckpt").touch()
    return folder


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ("fit --ckpt_path last --seed 1", "fit --seed 1 --ckpt_path runs/new/checkpoints/last.ckpt"),
        ("fit --ckpt_path=last --name old", "fit --name old --ckpt_path runs/old/checkpoints/last.ckpt"),
        ("test --ckpt_path best", "test --ckpt_path runs/new/checkpoints/best.ckpt"),
        (
            "fit --ckpt_path last --name killed",
            "fit --config runs/killed/config.yaml --name killed --name killed",
        ),
        ("fit --ckpt_path my.ckpt", "fit --ckpt_path my.ckpt"),
        ("fit --name other", "fit --name other"),
    ],
)
def test_last_and_best_are_of_the_run_begun_last_or_named(words: str, expected: str) -> None:
    begun("old", 1.0, "last")
    begun("new", 3.0, "last", "best")
    begun("killed", 2.0)
    assert resolve_keyword(words.split(), Path("runs")) == expected.split()


def test_all_ranks_resume_the_same_run() -> None:
    begun("old", 1.0, "last")
    first = resolve_keyword(["fit", "--ckpt_path", "last"], Path("runs"))
    begun("new", 3.0, "last")
    assert resolve_keyword(["fit", "--ckpt_path", "last"], Path("runs")) == first


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ("fit --ckpt_path last", "there is no run in runs to go on with. Start one with `fit`"),
        ("test --ckpt_path last --name x", "there is no run x in runs to go on with. Start one with `fit`"),
        (
            "fit --ckpt_path last --name tpyo",
            "there is no run tpyo in runs to go on with. Start one with `fit`",
        ),
    ],
)
def test_resume_without_a_run_is_an_error(words: str, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        resolve_keyword(words.split(), Path("runs"))


def test_a_similar_name_is_suggested() -> None:
    begun("typo", 1.0, "last")
    with pytest.raises(
        ValueError, match=r"there is no run tpyo in runs to go on with\. Did you mean --name typo\?"
    ):
        resolve_keyword(["fit", "--ckpt_path", "last", "--name", "tpyo"], Path("runs"))


@pytest.mark.parametrize("words", ["fit", "fit --name mine", "fit --name mine --ckpt_path last"])
def test_a_job_that_ended_before_its_run_began_begins_it_when_restarted(
    monkeypatch: pytest.MonkeyPatch, words: str
) -> None:
    begun("other", 1.0, "last")
    monkeypatch.setenv("SLURM_JOB_ID", "7")
    monkeypatch.setenv("SLURM_RESTART_COUNT", "1")
    assert resolve_keyword(words.split(), Path("runs")) == words.removesuffix(" --ckpt_path last").split()


def test_each_fit_of_a_job_gets_a_name(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SLURM_JOB_ID", "7")
    names = []
    for seed in ("1", "2"):
        with one_run(Path("runs")):
            names.append(make_run_folder(None, Path("runs"), ["fit", "--seed_everything", seed]).name)
    assert names == ["job-7", "job-7-2"]


def test_fit_into_the_folder_of_a_run_without_checkpoints_is_refused() -> None:
    folder = Path("runs/mine")
    (folder / "hf").mkdir(parents=True)
    (folder / "hf" / "config.json").touch()
    with pytest.raises(ValueError, match=r"already holds a run. Choose another --name, or delete the folder"):
        refuse_used(folder, None)


@pytest.mark.parametrize("words", ["fit --ckpt_path best", "validate --ckpt_path last"])
def test_resume_from_a_missing_checkpoint_is_an_error(words: str) -> None:
    begun("killed", 1.0)
    with pytest.raises(ValueError, match=r"runs/killed/checkpoints/\w+.ckpt does not exist"):
        resolve_keyword(words.split(), Path("runs"))


@pytest.mark.parametrize("name", ["SLURM", "TORCHELASTIC"])
def test_requeued_job_finds_its_own_run(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    begun("job-7", 1.0, "last")
    begun("new", 3.0, "last")
    monkeypatch.setenv(f"{name}_RESTART_COUNT", "1")
    monkeypatch.setenv("SLURM_JOB_ID" if name == "SLURM" else "TORCHELASTIC_RUN_ID", "7")
    expected = ["fit", "--ckpt_path", "runs/job-7/checkpoints/last.ckpt"]
    assert resolve_keyword(["fit"], Path("runs")) == expected
    assert resolve_keyword(["test"], Path("runs")) == ["test"]
    monkeypatch.setenv(f"{name}_RESTART_COUNT", "0")
    assert resolve_keyword(["fit"], Path("runs")) == ["fit"]


@pytest.mark.pitfall(26)
def test_a_name_that_looks_like_a_key_names_no_folder(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="looks like a key or a password") as raised:
        make_run_folder("hf_" + "aB3d" * 6, tmp_path)
    assert "aB3d" not in str(raised.value)
