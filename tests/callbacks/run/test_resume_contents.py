from __future__ import annotations

import random
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from lightning.pytorch.trainer.states import TrainerFn

from callbacks.loggers.metrics_csv import MetricsCSV
from callbacks.run.resume_contents import STATE_KEY, ResumeContents, find_tables
from tests.helpers.lightning_loops import loops

CPU = torch.device("cpu")


def make_trainer(folder: Path, resume: bool = False, fn: TrainerFn = TrainerFn.FITTING, rank: int = 0) -> Any:
    return SimpleNamespace(
        loggers=[MetricsCSV(folder, resume=resume), object()],
        world_size=1,
        global_rank=rank,
        is_global_zero=rank == 0,
        state=SimpleNamespace(fn=fn),
        fit_loop=SimpleNamespace(
            epoch_loop=SimpleNamespace(restarting=True),
            epoch_progress=SimpleNamespace(current=SimpleNamespace(processed=2, completed=2)),
        ),
    )


def write(trainer: Any, moment: Any = None) -> dict[str, Any]:
    """A checkpoint, with Lightning's loops, that is written before `moment`, or by somebody else."""
    contents, checkpoint = ResumeContents(), {"loops": {"fit_loop": loops()}}
    if moment is None:
        contents.add_to(checkpoint, trainer, CPU)
        return checkpoint
    with contents.before(moment):
        contents.add_to(checkpoint, trainer, CPU)
    return checkpoint


def test_the_rows_that_were_logged_are_in_the_file_and_counted(tmp_path: Path) -> None:
    trainer = make_trainer(tmp_path)
    [table] = find_tables(trainer)
    table.log_metrics({"loss": 1.0}, 1)
    assert not (tmp_path / "metrics.csv").is_file()
    assert write(trainer, "batch")[STATE_KEY]["rows"] == 1
    assert len((tmp_path / "metrics.csv").read_text().splitlines()) == 2


def test_a_checkpoint_of_somebody_else_keeps_lightnings_loops(tmp_path: Path) -> None:
    checkpoint = write(make_trainer(tmp_path))
    assert checkpoint["loops"]["fit_loop"] == loops()
    assert checkpoint[STATE_KEY]["moment"] is None
    assert write(make_trainer(tmp_path), "epoch")["loops"]["fit_loop"] != loops()


@pytest.mark.pitfall(19)
@pytest.mark.parametrize(("moment", "restarts"), [("epoch", False), ("batch", True), ("validation", True)])
def test_random_numbers_go_on_and_an_epoch_that_ended_is_none_that_was_cut(
    tmp_path: Path, moment: Any, restarts: bool
) -> None:
    trainer = make_trainer(tmp_path)
    checkpoint = write(trainer, moment)
    expected = random.random(), torch.rand(1).item()
    contents = ResumeContents()
    contents.take_from(checkpoint, trainer)
    torch.rand(3)
    contents.put_back(trainer, CPU)
    assert (random.random(), torch.rand(1).item()) == expected
    assert trainer.fit_loop.epoch_loop.restarting is restarts
    after = random.random()
    contents.put_back(trainer, CPU)  # once only: a second fit of this process goes on by itself
    assert random.random() != after


def test_what_was_logged_after_the_checkpoint_is_dropped(tmp_path: Path) -> None:
    trainer = make_trainer(tmp_path)
    for step in (1, 2):
        find_tables(trainer)[0].log_metrics({"loss": float(step)}, step)
        if step == 1:
            checkpoint = write(trainer, "batch")
    find_tables(trainer)[0].save()
    again = make_trainer(tmp_path, resume=True)
    ResumeContents().take_from(checkpoint, again)
    assert find_tables(again)[0].rows == 1


def test_only_a_fit_goes_on_and_only_with_what_is_there(tmp_path: Path) -> None:
    checkpoint = write(make_trainer(tmp_path), "epoch")
    tested = make_trainer(tmp_path, fn=TrainerFn.TESTING)
    for trainer, holds in ((tested, checkpoint), (make_trainer(tmp_path), {})):
        contents, before = ResumeContents(), random.getstate()
        contents.take_from(holds, trainer)
        contents.put_back(trainer, CPU)
        assert random.getstate() == before
        assert trainer.fit_loop.epoch_loop.restarting


def test_a_rank_that_was_not_there_draws_its_own(tmp_path: Path) -> None:
    checkpoint = write(make_trainer(tmp_path), "batch")
    contents, trainer = ResumeContents(), make_trainer(tmp_path, rank=1)
    contents.take_from(checkpoint, trainer)
    random.random()
    before = random.getstate()
    contents.put_back(trainer, CPU)
    assert random.getstate() == before
