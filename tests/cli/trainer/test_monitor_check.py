from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from lightning.pytorch import Callback
from lightning.pytorch.callbacks import EarlyStopping, ModelCheckpoint

from callbacks.metrics.error_classes import ErrorClasses
from callbacks.metrics.exact_match import ExactMatch
from callbacks.metrics.throughput import Throughput
from callbacks.rows.headlines import MONITOR
from cli.trainer.monitor_check import SCHEDULER, check_monitors, list_metrics, monitors_of
from lightning_modules.causal_lm import CausalLM
from tests.helpers.runs import own_table, read_csv

OWN: list[Callback] = [ExactMatch(), ErrorClasses(), Throughput()]
MODEL = CausalLM.__new__(CausalLM)


class Mine(Callback):
    """A callback of the user's own, which logs whatever it likes."""


def test_fit_logs_only_metrics_that_are_listed(run_in: Callable[..., Path], tmp_path: Path) -> None:
    """Against a whole run with the default callbacks: its metrics.csv has no other `val/` or `train/` column."""
    from cli.patois_cli import PatoisCLI

    found: list[str] = []

    class Watching(PatoisCLI):
        def before_fit(self) -> None:
            found.extend(list_metrics(self.trainer.callbacks, self.datamodule.task_names))

    import cli.patois_cli

    patched = pytest.MonkeyPatch()
    patched.setattr(cli.patois_cli, "PatoisCLI", Watching)
    try:
        run = run_in("fit", "--name", "x", *own_table(tmp_path), "--trainer.max_epochs", "1") / "x"
    finally:
        patched.undo()
    logged = {name for name in read_csv(run / "metrics.csv")[0] if name.startswith(("val/", "train/"))}
    assert len(logged) > 20
    assert logged <= set(found)


def test_monitors_of_callbacks_are_found() -> None:
    callbacks = [*OWN, EarlyStopping("val/loss"), ModelCheckpoint(monitor="x"), Mine()]
    assert monitors_of(callbacks) == {"EarlyStopping": "val/loss", "ModelCheckpoint": "x"}


@pytest.mark.parametrize(
    "monitor",
    ["val/loss", "train/loss", "val/exact_match", "val/a/exact_match_low", "train/tokens_per_second"],
)
def test_logged_metrics_may_be_monitored(monitor: str) -> None:
    check_monitors({"EarlyStopping": monitor}, OWN, MODEL, ["a"])


@pytest.mark.parametrize(
    ("monitor", "near"),
    [
        ("val/los", "val/loss"),
        ("val_loss", "val/loss"),
        ("val/exactmatch", "val/exact_match"),
        ("val/b/exact_match", "val/a/exact_match"),
    ],
)
def test_other_metrics_are_refused_with_the_nearest(monitor: str, near: str) -> None:
    with pytest.raises(ValueError, match=f"monitors '{monitor}', which .* Did you mean '{near}'") as caught:
        check_monitors({"EarlyStopping": monitor}, OWN, MODEL, ["a"])
    assert "\n" not in str(caught.value)


def test_callbacks_monitor_the_headline_and_schedulers_do_not() -> None:
    check_monitors({"EarlyStopping": MONITOR}, OWN, MODEL, ["a"])
    with pytest.raises(
        ValueError, match=r"--model\.scheduler monitors 'headline', which this run does not log"
    ):
        check_monitors({SCHEDULER: MONITOR}, OWN, MODEL, ["a"])


def test_metric_that_only_test_measures_is_refused() -> None:
    with pytest.raises(ValueError, match="does not log"):
        check_monitors({"EarlyStopping": "val/a/outcome_exact"}, OWN, MODEL, ["a"])
    check_monitors({"x": "val/a/outcome_exact"}, [ErrorClasses(each_epoch=True)], MODEL, ["a"])


def test_callbacks_and_models_of_the_users_own_may_log_anything() -> None:
    class MyModel(CausalLM):
        """Another objective, which logs whatever it likes."""

    check_monitors({"EarlyStopping": "mine"}, [*OWN, Mine()], MODEL, ["a"])
    check_monitors({"EarlyStopping": "mine"}, OWN, MyModel.__new__(MyModel), ["a"])
