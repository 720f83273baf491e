from __future__ import annotations

import signal
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from lightning.fabric.plugins.environments import (
    LightningEnvironment,
    SLURMEnvironment,
    TorchElasticEnvironment,
)
from lightning.pytorch.trainer.states import TrainerFn

from callbacks.run import run_stopper
from callbacks.run.run_stopper import RunStopper, describe_stop, find_exit_code, find_requeue_signal
from callbacks.run.stop_signals import Stopped


def make_trainer(folder: Path, environment: Any = None, **options: Any) -> Any:
    trainer = SimpleNamespace(
        _accelerator_connector=SimpleNamespace(cluster_environment=environment or LightningEnvironment()),
        default_root_dir=str(folder),
        state=SimpleNamespace(fn=TrainerFn.FITTING),
        global_rank=0,
        local_rank=0,
        world_size=1,
        is_global_zero=True,
        global_step=7,
    )
    vars(trainer).update(options)
    return trainer


@pytest.fixture
def stopper(monkeypatch: pytest.MonkeyPatch) -> Iterator[RunStopper]:
    """One that ends no process, with this process' own handlers put back at the end."""
    monkeypatch.setattr(run_stopper, "exit_soon", lambda code: None)
    before = {signum: signal.getsignal(signum) for signum in (signal.SIGTERM, signal.SIGINT, signal.SIGUSR1)}
    yield RunStopper()
    for signum, handler in before.items():
        signal.signal(signum, handler)


def write_last(folder: Path) -> None:
    (folder / "checkpoints").mkdir()
    (folder / "checkpoints" / "last.ckpt").touch()


def test_the_signal_is_requeued_at_in_a_slurm_job_that_asks_for_it(tmp_path: Path) -> None:
    def found(environment: Any) -> int | None:
        return find_requeue_signal(make_trainer(tmp_path, environment))

    assert found(LightningEnvironment()) is None
    assert found(SLURMEnvironment(auto_requeue=False)) is None
    assert found(SLURMEnvironment()) == signal.SIGUSR1
    assert found(SLURMEnvironment(requeue_signal=signal.SIGUSR2)) == signal.SIGUSR2


def test_a_rank_that_the_run_started_ends_well(tmp_path: Path) -> None:
    assert find_exit_code(make_trainer(tmp_path), signal.SIGTERM) == 143
    assert find_exit_code(make_trainer(tmp_path, local_rank=1), signal.SIGTERM) == 0
    elastic = make_trainer(tmp_path, TorchElasticEnvironment(), local_rank=1)
    assert find_exit_code(elastic, signal.SIGINT) == 130


def test_the_line_says_how_to_go_on_with_a_fit_that_has_a_checkpoint(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    trainer = make_trainer(tmp_path)
    assert describe_stop(trainer, signal.SIGTERM) == "Stopped by SIGTERM"
    write_last(tmp_path)
    assert describe_stop(trainer, signal.SIGINT) == (
        "Stopped by SIGINT after step 7; resume with: python train.py fit --ckpt_path checkpoints/last.ckpt"
    )
    trainer.state.fn = TrainerFn.TESTING
    assert describe_stop(trainer, signal.SIGINT) == "Stopped by SIGINT"


def test_a_signal_is_kept_until_what_is_to_be_saved_is(stopper: RunStopper, tmp_path: Path) -> None:
    stopper.meet(make_trainer(tmp_path))
    stopper.wait_for_save()
    signal.raise_signal(signal.SIGTERM)
    assert stopper.received == signal.SIGTERM
    stopper.stop_if_told()
    with pytest.raises(Stopped) as stopped:
        stopper.stop_at_once()
    assert stopped.value.code == 143


def test_a_signal_ends_a_run_at_once_that_has_nothing_to_save(stopper: RunStopper, tmp_path: Path) -> None:
    stopper.meet(make_trainer(tmp_path))
    stopper.stop_at_once()
    with pytest.raises(Stopped):
        signal.raise_signal(signal.SIGINT)
    with pytest.raises(Stopped):  # as if that one had got lost in a destructor
        stopper.stop_if_told()


def test_the_signal_of_another_rank_counts_as_ones_own(
    stopper: RunStopper, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    trainer = make_trainer(tmp_path, is_global_zero=False)
    with pytest.raises(Stopped):
        stopper.stop(trainer, signal.SIGTERM)
    assert stopper.received == signal.SIGTERM
    assert capsys.readouterr().err == "", "rank 0 says so"


def test_only_slurms_own_signal_queues_the_job_again(
    stopper: RunStopper, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(run_stopper, "requeue_slurm_job", lambda: "queued")
    trainer = make_trainer(tmp_path, SLURMEnvironment())
    for signum in (signal.SIGTERM, signal.SIGUSR1):
        with pytest.raises(Stopped):
            stopper.stop(trainer, signum)
    assert capsys.readouterr().err.splitlines() == ["Stopped by SIGTERM", "Stopped by SIGUSR1 (queued)"]


def test_signals_are_left_alone_again(stopper: RunStopper, tmp_path: Path) -> None:
    before = signal.getsignal(signal.SIGTERM)
    stopper.meet(make_trainer(tmp_path))
    assert signal.getsignal(signal.SIGTERM) is not before
    stopper.let_go()
    assert signal.getsignal(signal.SIGTERM) is before
