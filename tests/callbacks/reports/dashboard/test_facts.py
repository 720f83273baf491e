from __future__ import annotations

import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from lightning.pytorch.callbacks import ModelCheckpoint

from callbacks.loggers.wandb_logger import DashboardLogger
from callbacks.metrics.exact_match import ExactMatch
from callbacks.reports.dashboard.facts import DashboardFacts, name_run, read_training_rows, rename_best
from tests.helpers.callback_stubs import Pair, ScriptedModel, StubData, finish_wandb, make_trainer
from tests.helpers.wandb_files import read_told

PAIRS = [Pair(str(number), "C", "C" if number % 2 else "O") for number in range(8)]


class Forgetting(ScriptedModel):
    """Knows every answer after its first epoch, and none after the second."""

    def validation_step(self, batch: dict[str, torch.Tensor], batch_idx: int) -> dict[str, Any]:
        answers = super().validation_step(batch, batch_idx)
        answers["prediction"] = [("C" if self.current_epoch == 0 else "O") + "<end>" for _ in answers["prediction"]]  # fmt: skip
        return answers


class Data(StubData):
    def __init__(self, pairs: list[Pair]) -> None:
        super().__init__(pairs)
        self.form = SimpleNamespace(name="tags")
        self.report = {
            "rows": {"train": 6, "val": 1, "test": 1},
            "contents": {"pairs.csv": ".csv 6a1f"},
            "sources": {"pairs.csv": 8},
        }


@pytest.mark.parametrize("keeps", [True, False])
def test_wandb_run_has_the_facts_and_the_exported_weights_metrics(
    tmp_path: Path, wandb_home: Path, keeps: bool
) -> None:
    logger = DashboardLogger(save_dir=str(tmp_path / "run"), offline=True)
    model = Forgetting(PAIRS)
    model.frozen = torch.nn.Parameter(torch.zeros(2, 3), requires_grad=False)
    callbacks = [ExactMatch(), DashboardFacts()]
    callbacks += [ModelCheckpoint(tmp_path / "run", monitor="val/exact_match", mode="max")] if keeps else []  # type: ignore[list-item]
    trainer = make_trainer(
        tmp_path / "run", callbacks, logger=logger, max_epochs=2, enable_checkpointing=keeps
    )
    trainer.fit(model, datamodule=Data(PAIRS))
    [path] = finish_wandb(tmp_path / "run")
    assert read_told(path, "config")["facts"] == {
        "task": "to_smiles", "format": "tags", "base": "stub", "rows": {"train": 6, "val": 1, "test": 1}, "table": "6a1f",
        "parameters": 7, "trainable_parameters": 1,
    }  # fmt: skip
    summary = read_told(path, "summary")
    assert summary["best/exact_match"] == summary["best/to_smiles/exact_match"] == float(keeps)
    assert summary["best/to_smiles/exact_match_low"] == pytest.approx(0.6756 if keeps else 0, abs=1e-4)
    assert summary.get("best/epoch") == (0 if keeps else None)


def test_other_commands_and_trials_tell_nothing(tmp_path: Path, wandb_home: Path) -> None:
    logger = DashboardLogger(save_dir=str(tmp_path / "run"), offline=True)
    make_trainer(tmp_path, [ExactMatch(), DashboardFacts()], logger=logger).test(
        ScriptedModel(PAIRS), datamodule=Data(PAIRS), verbose=False
    )
    [path] = finish_wandb(tmp_path / "run")
    assert "facts" not in read_told(path, "config")
    assert not [name for name in read_told(path, "summary") if name.startswith("best/")]
    trial = make_trainer(tmp_path, [DashboardFacts()], logger=logger, fast_dev_run=True)
    trial.fit(ScriptedModel(PAIRS), datamodule=Data(PAIRS))


@pytest.mark.parametrize(
    ("tasks", "base", "rows", "name"),
    [
        (["name"], "bundled", 9_014, "name-tags-bundled-9.01k"),
        (["name", "draw"], "/models/mine", 40, "name+draw-tags-mine-40"),
        (["a", "b", "c"], "org/opt-125m", None, "3_tasks-tags-opt-125m"),
    ],
)
def test_name_tells_task_format_base_and_size(
    tasks: list[str], base: str, rows: int | None, name: str
) -> None:
    assert name_run(tasks, "tags", base, rows) == name


def test_only_validation_metrics_become_best() -> None:
    assert rename_best({"train/loss": 1.0, "test/exact_match": 0.5}, epoch=2) == {}


@pytest.mark.parametrize(
    ("content", "rows"),
    [({"rows": {"train": 12}}, 12), ({"rows": {}}, None), ([], None), ({"rows": {"train": "x"}}, None)],
)
def test_training_rows_are_read_from_a_runs_folder(tmp_path: Path, content: Any, rows: int | None) -> None:
    assert read_training_rows(tmp_path) is None
    (tmp_path / "data.json").write_text(json.dumps(content))
    assert read_training_rows(tmp_path) == rows
