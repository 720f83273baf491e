"""Runs that are gone on with, by the same command or another one."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
import torch
import yaml

import train
from cli.run_folder import RUN_NAME_VARIABLE
from tests.helpers.runs import own_table, read_csv

STOP = ["--trainer.callbacks+=EarlyStopping", "--trainer.callbacks.monitor=val/loss"]
QUICK = [
    "--trainer.max_epochs",
    "1",
    "--trainer.limit_train_batches",
    "1",
    "--trainer.limit_val_batches",
    "1",
]
CLUSTER = ("SLURM_JOB_ID", "SLURM_RESTART_COUNT", "TORCHELASTIC_RUN_ID", "TORCHELASTIC_RESTART_COUNT")

pytestmark = pytest.mark.filterwarnings("ignore::UserWarning")


@pytest.fixture(autouse=True)
def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A working folder of the test's own, without W&B and without a cluster."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("WANDB_MODE", "disabled")
    for name in (RUN_NAME_VARIABLE, *CLUSTER):
        monkeypatch.delenv(name, raising=False)


def fit(*words: str) -> None:
    train.main(["fit", *own_table(Path()), *QUICK, *words])


def callbacks_of(name: str) -> list[str]:
    settings = yaml.safe_load(Path("runs", name, "config.yaml").read_text())
    return [one["class_path"].rpartition(".")[2] for one in settings["trainer"]["callbacks"]]


@pytest.mark.parametrize("words", [STOP, ["--model.add_tokens+=kari", "--wandb.tags+=mine"]])
def test_the_same_command_goes_on_and_appends_nothing(words: Sequence[str]) -> None:
    fit("--name", "mine", *words)
    before = Path("runs/mine/config.yaml").read_text()
    fit("--name", "mine", *words, "--ckpt_path", "last", "--trainer.max_epochs", "2")
    now = yaml.safe_load(Path("runs/mine/config.yaml").read_text())
    assert now.pop("ckpt_path").endswith("last.ckpt")
    expected = yaml.safe_load(before)
    del expected["ckpt_path"]
    expected["trainer"]["max_epochs"] = 2
    assert now == expected
    assert torch.load("runs/mine/checkpoints/last.ckpt", weights_only=True)["epoch"] == 2


def test_a_requeued_job_goes_on_word_by_word(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SLURM_JOB_ID", "78")
    fit(*STOP, "--model.add_tokens+=kari")
    monkeypatch.setenv("SLURM_RESTART_COUNT", "1")
    fit(*STOP, "--model.add_tokens+=kari", "--trainer.max_epochs", "2")
    assert [path.name for path in Path("runs").iterdir()] == ["job-78"]
    assert callbacks_of("job-78").count("EarlyStopping") == 1
    assert torch.load("runs/job-78/checkpoints/last.ckpt", weights_only=True)["epoch"] == 2


def test_something_new_is_appended_when_going_on() -> None:
    fit("--name", "mine", *STOP)
    more = [*STOP, "--trainer.callbacks.patience", "9", "--trainer.callbacks+=DeviceStatsMonitor"]
    fit("--name", "mine", *more, "--ckpt_path", "last", "--trainer.max_epochs", "2")
    assert callbacks_of("mine")[-2:] == ["EarlyStopping", "DeviceStatsMonitor"]
    settings = yaml.safe_load(Path("runs/mine/config.yaml").read_text())
    assert settings["trainer"]["callbacks"][-2]["init_args"]["patience"] == 9


FLAT = ["--model.warmup_fraction", "0", "--model.min_lr_fraction", "1", "--trainer.precision", "32-true"]
LONG = [
    *FLAT,
    "--trainer.limit_train_batches",
    "1.0",
    "--data.batch_size",
    "2",
    "--trainer.log_every_n_steps",
    "1",
]


def outcome(name: str) -> dict[str, Any]:
    """Return all that a run comes to, but for times and its name."""
    folder = Path("runs", name)
    checkpoint = torch.load(folder / "checkpoints" / "last.ckpt", weights_only=True)
    logged = [
        {key: cell for key, cell in row.items() if not key.endswith(("_per_second", "/seconds"))}
        for row in read_csv(folder / "metrics.csv")
    ]
    kept = ("state_dict", "optimizer_states", "lr_schedulers", "loops", "global_step", "epoch", "resume")
    return {
        **{key: checkpoint[key] for key in kept},
        "weight_average": checkpoint.get("weight_average"),
        "position": {key: checkpoint["SequenceTaskDataModule"][key] for key in ("epoch", "batches")},
        "logged": logged,
        "best": torch.load(folder / "checkpoints" / "best.ckpt", weights_only=True)["state_dict"],
        "predictions": {path.name: path.read_text() for path in (folder / "predictions").glob("*.csv")},
    }


def differences(one: Any, other: Any, path: str = "") -> list[str]:
    if isinstance(one, torch.Tensor):
        return [] if torch.equal(one, other) else [path]
    if isinstance(one, dict) and one.keys() == other.keys():
        return [found for key in one for found in differences(one[key], other[key], f"{path}/{key}")]
    if isinstance(one, list | tuple) and len(one) == len(other):
        pairs = zip(one, other, strict=True)
        return [
            found for place, (a, b) in enumerate(pairs) for found in differences(a, b, f"{path}[{place}]")
        ]
    return [] if one == other else [f"{path}: {one} != {other}"]


@pytest.mark.parametrize(
    ("words", "stop"),
    [
        ([], ["--trainer.max_steps", "3"]),
        (["--trainer.accumulate_grad_batches", "2", "--data.packing", "true"], ["--trainer.max_steps", "2"]),
        (["--trainer.val_check_interval", "3", "--model.peft.rank", "2"], ["--trainer.max_steps", "3"]),
        (["--trainer.accumulate_grad_batches", "2"], ["--trainer.max_time", "00:10:00:00"]),
        (
            [
                "--model.average_weights",
                "0.9",
                "--trainer.accumulate_grad_batches",
                "2",
                "--model.peft.rank",
                "2",
            ],
            ["--trainer.max_steps", "2"],
        ),
    ],
)
def test_a_run_that_ended_within_an_epoch_goes_on_where_it_was(
    words: list[str], stop: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = [*words, *LONG, "--trainer.max_epochs", "2"]
    fit("--name", "one", *whole)
    with monkeypatch.context() as patch:
        if "--trainer.max_time" in stop:  # the time is over within an accumulation window
            patch.setattr(
                "lightning.pytorch.callbacks.Timer.on_train_batch_end",
                lambda self, trainer, *_: setattr(trainer, "should_stop", trainer.fit_loop.batch_idx >= 2),
            )
        fit("--name", "two", *whole, *stop)
    stopped = torch.load("runs/two/checkpoints/last.ckpt", weights_only=True)["SequenceTaskDataModule"]
    assert (stopped["epoch"], stopped["batches"] > 0) == (0, True)
    fit(
        "--name",
        "two",
        "--ckpt_path",
        "last",
        *whole,
        "--trainer.max_steps",
        "-1",
        "--trainer.max_time",
        "",
    )
    assert differences(outcome("one"), outcome("two")) == []


def write_table(*rows: str) -> None:
    Path("table.csv").write_text("smiles,name\n" + "\n".join(rows) + "\n")


ROWS = [
    "C,methane",
    "CC,ethane",
    "CCC,propane",
    "CCO,ethanol",
    "CO,methanol",
    "CCN,ethanamine",
    "CCCC,butane",
]
OWN = ["--data.source", "table.csv", "--data.val_source", "table.csv", "--data.val_fraction", "0"]
OWN += ["--data.test_fraction", "0", "--data.batch_size", "2", "--trainer.limit_train_batches", "1.0"]


@pytest.mark.parametrize("steps", ["1", "-1"])
def test_rows_of_the_same_number_and_other_content_are_no_secret(
    steps: str, capsys: pytest.CaptureFixture[str]
) -> None:
    write_table(*ROWS)
    fit("--name", "mine", *OWN, "--trainer.max_steps", steps)
    write_table(*ROWS[:-1], "CCCC,isobutane")
    on = [
        "--name",
        "mine",
        "--ckpt_path",
        "last",
        *OWN,
        "--trainer.max_steps",
        "-1",
        "--trainer.max_epochs",
        "2",
    ]
    if steps == "1":
        with pytest.raises(
            SystemExit, match="in the middle of epoch 0, but this run has other content: training rows"
        ):
            fit(*on)
    else:
        fit(*on)
        assert "Resuming with other content than the checkpoint's: training rows." in capsys.readouterr().err


def test_another_token_or_one_more_is_refused_in_one_line() -> None:
    fit("--name", "mine", "--model.add_tokens+=kari")
    for command in ("fit", "validate"):
        with pytest.raises(
            SystemExit, match=r"another vocabulary \(added tokens: .*'kari'\) than .*'rika'\)"
        ):
            train.main([command, "--name", "mine", "--ckpt_path", "last", "--model.add_tokens", '["rika"]'])
    with pytest.raises(
        SystemExit, match=r"another vocabulary \(added tokens: .*'kari'\) than .*'kari', 'rika'\)"
    ):
        fit("--name", "mine", "--ckpt_path", "last", "--model.add_tokens+=rika")
