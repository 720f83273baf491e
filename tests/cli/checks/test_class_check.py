from __future__ import annotations

import shlex
from typing import Any

import pytest

from callbacks.rows.headlines import MONITOR
from cli.checks.class_check import HEADLINE, check_monitored, check_required
from cli.checks.flag_list import read_flags
from cli.checks.flag_words import split_words
from cli.exit_status import UsageError

LISTED = read_flags()
STOPPING = "--trainer.callbacks+=EarlyStopping"


@pytest.mark.parametrize(
    ("line", "told"),
    [
        (STOPPING, "EarlyStopping needs monitor: add --trainer.callbacks.monitor headline behind it"),
        (f"{STOPPING} --trainer.callbacks+=Timer --trainer.callbacks.monitor val/loss", "needs monitor"),
        (f"--trainer.callbacks.monitor val/loss {STOPPING}", "needs monitor"),
        ("--model.scheduler StepLR --model.scheduler.gamma 0.5", "StepLR needs step_size"),
        (
            "--model.scheduler lightning.pytorch.cli.ReduceLROnPlateau",
            "add --model.scheduler.monitor val/loss behind it",
        ),
        ("--model.scheduler CyclicLR", "CyclicLR needs base_lr and max_lr"),
    ],
)
def test_class_without_what_it_needs_is_refused(line: str, told: str) -> None:
    with pytest.raises(UsageError, match=told):
        check_required("fit", split_words(shlex.split(line)), LISTED)


@pytest.mark.parametrize(
    "line",
    [
        f"{STOPPING} --trainer.callbacks.monitor val/loss",
        f"{STOPPING} --trainer.callbacks.init_args.monitor val/loss",
        f"{STOPPING} --trainer.callbacks.init_args '{{monitor: val/loss}}'",
        "--trainer.callbacks+=lightning.pytorch.callbacks.EarlyStopping --trainer.callbacks.monitor=val/loss",
        "--model.scheduler StepLR --model.scheduler.step_size 3",
        "--model.optimizer SGD",
        "--trainer.logger CSVLogger",  # its folder is the run's
        '--model.scheduler \'{"class_path": "StepLR", "init_args": {"step_size": 3}}\'',
    ],
)
def test_class_with_what_it_needs_is_left_alone(line: str) -> None:
    check_required("fit", split_words(shlex.split(line)), LISTED)


def monitored(name: str, line: str = STOPPING, **values: Any) -> None:
    settings = {"trainer.callbacks.monitor": name, **values}
    check_monitored(split_words(shlex.split(line)), settings, LISTED)


@pytest.mark.parametrize(
    "name", ["val/loss", "val/exact_match", "val/my_task/morgan_low", "train/anything", "step", "headline"]
)
def test_metric_that_a_run_can_log_is_monitored(name: str) -> None:
    monitored(name)


@pytest.mark.parametrize(("name", "near"), [("val/los", "val/loss"), ("valid/validity", "val/validity")])
def test_metric_that_no_run_logs_is_refused_with_the_nearest(name: str, near: str) -> None:
    with pytest.raises(ValueError, match=f"Did you mean {near}"):
        monitored(name)


def test_a_scheduler_does_not_know_the_headline() -> None:
    assert HEADLINE == MONITOR
    with pytest.raises(
        ValueError, match=r"model\.scheduler\.monitor .* such as val/loss, but got 'headline'"
    ):
        check_monitored((), {"model.scheduler.monitor": "headline"}, LISTED)
    with pytest.raises(ValueError, match="such as val/exact_match, or headline, that of the tasks, but got"):
        monitored("val/los")


def test_classes_of_ones_own_may_log_what_they_like() -> None:
    monitored("val/mine", f"{STOPPING} --trainer.callbacks+=mine.Logs")
    monitored("val/mine", **{"trainer.callbacks": [{"class_path": "mine.Logs"}]})


def test_mode_is_min_or_max() -> None:
    with pytest.raises(ValueError, match=r"callbacks\.mode to be min or max, but got 'maxx'"):
        monitored("val/loss", **{"trainer.callbacks.mode": "maxx"})
