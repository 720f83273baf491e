from __future__ import annotations

import json
import os
import subprocess
import sys
from types import SimpleNamespace

import pytest
from lightning.pytorch.callbacks import ModelCheckpoint

from callbacks.loggers.metrics_csv import MetricsCSV
from callbacks.metrics.exact_match import ExactMatch
from callbacks.metrics.throughput import Throughput
from callbacks.metrics.validity import Validity
from callbacks.reports.run_summary import RunSummary, _count_rows, _show
from tests.helpers.callback_stubs import Aside, Pair, ScriptedModel, StubData, make_trainer
from tests.helpers.runs import PROJECT

PAIRS = [Pair("a", "CCO", "CCO"), Pair("b", "CCO", "(", "to_smiles"), Pair("c", "x", "x", "spell", "text")]


class Fading(ScriptedModel):
    """Right in epoch 0, wrong from then on."""

    def validation_step(self, batch, batch_idx):
        outputs = super().validation_step(batch, batch_idx)
        if self.current_epoch > 0 and not self.trainer.testing:
            outputs["prediction"] = ["?"] * len(outputs["prediction"])
        return outputs

    test_step = validation_step


def run(tmp_path, aside=()):
    checkpoint = ModelCheckpoint(tmp_path / "checkpoints", monitor="val/exact_match", mode="max")
    callbacks = [RunSummary(), ExactMatch(), Validity(), Throughput(), checkpoint]
    logger = MetricsCSV(tmp_path)
    trainer = make_trainer(tmp_path, callbacks, max_epochs=2, logger=logger, enable_checkpointing=True)
    model, data = Fading(PAIRS), StubData(PAIRS, aside=list(aside))
    trainer.fit(model, datamodule=data)
    return trainer, model, data


def test_summary_tells_the_best_epoch_and_the_files(tmp_path, capsys):
    run(tmp_path, [Aside(3, "empty", "")])
    printed = capsys.readouterr().out
    for word in (
        "to_smiles",
        "50.0 % (9.5 to 90.5)",
        "100.0 %",
        "exact match (95 %)",
        "validation rows, epoch=0-step=1.ckpt",
        "tokens/s",
    ):
        assert word in printed
    assert f"files: {tmp_path} (checkpoints/epoch=0-step=1.ckpt, metrics.csv)" in printed
    assert "1 rows were skipped" in printed


def test_the_file_of_rows_set_aside_is_named_only_if_there_are_any(tmp_path, capsys):
    for name, aside in (("none", []), ("one", [Aside(3, "empty", "")])):
        (tmp_path / name).mkdir()
        (tmp_path / name / "set_aside.csv").write_text("file,line,reason,text,task\n")  # always written
        run(tmp_path / name, aside)
        assert (", set_aside.csv" in capsys.readouterr().out) == bool(aside)


def test_summary_file_is_kept_and_test_adds_to_it(tmp_path, capsys):
    trainer, model, data = run(tmp_path)
    assert "set aside" not in capsys.readouterr().out
    trainer.test(model, datamodule=data, verbose=False)
    summary = json.loads((tmp_path / "summary.json").read_text())
    assert summary["fit"]["tasks"]["to_smiles"]["exact_match"] == 0.5
    assert summary["fit"]["tasks"]["to_smiles"]["rows"] == 2
    assert summary["fit"]["tasks"]["spell"]["rows"] == 1
    assert summary["fit"]["supervised_tokens_per_second"] > 0
    assert summary["test"]["tasks"]["spell"]["exact_match"] == 1.0
    assert "test rows" in capsys.readouterr().out


def test_summary_of_a_trial_run_leaves_no_file(tmp_path):
    trainer = make_trainer(tmp_path, [RunSummary(), ExactMatch()], fast_dev_run=True)
    trainer.fit(ScriptedModel(PAIRS), datamodule=StubData(PAIRS))
    assert not (tmp_path / "summary.json").exists()


@pytest.mark.parametrize("width", [120, 80, 50])
def test_summary_shows_task_and_interval_in_narrow_terminals(monkeypatch, capsys, width):
    monkeypatch.setenv("COLUMNS", str(width))
    metrics = {
        "exact_match": 0.123,
        "exact_match_low": 0.105,
        "exact_match_high": 0.143,
        "validity": 1.0,
        "rows": 12650,
    }
    summary = {
        "tasks": {"random_smiles_to_canonical": metrics}, "weights": "best.ckpt", "seconds": 574.0,
        "supervised_tokens_per_second": 12995.0, "rows_set_aside": 0, "outputs": {},
    }  # fmt: skip
    _show("fit", summary)
    printed = capsys.readouterr().out
    [line] = [line for line in printed.splitlines() if "random" in line]
    for cell in ("random_smiles_to_canonical", "12.3 % (10.5 to 14.3)", "100.0 %", "12,650"):
        assert f" {cell} " in line
    assert "12,995" in printed
    assert "9 min 34 s" in printed
    assert width != 80 or max(len(line) for line in printed.splitlines()) <= 80


def test_summary_is_the_end_of_a_log(tmp_path):
    """A bar that is drawn anew until the run is over stands above it."""
    code = f"""
import sys
from types import SimpleNamespace
sys.path.insert(0, {str(PROJECT)!r})
from callbacks.reports.run_summary import RunSummary
from tests.helpers.callback_stubs import Pair, ScriptedModel, StubData, make_trainer
pairs = [Pair("a", "CCO", "CCO"), Pair("b", "CCO", "(", "to_smiles"), Pair("c", "x", "x", "spell", "text")]
trainer = make_trainer({str(tmp_path)!r}, [RunSummary()], enable_progress_bar=True)
trainer.fit(ScriptedModel(pairs), datamodule=StubData(pairs))
"""
    result = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        check=True,
        env={**os.environ, "COLUMNS": "80"},
    )
    assert "Epoch 0/0" in result.stdout
    assert result.stdout.index("Epoch 0/0") < result.stdout.index("exact match (95 %)")
    assert "Epoch" not in result.stdout[result.stdout.index("exact match (95 %)") :]


@pytest.mark.parametrize("width", [200, 80])
def test_summary_of_a_test_with_three_systems_fits_its_terminal(monkeypatch, capsys, width):
    monkeypatch.setenv("COLUMNS", str(width))

    def share(name, value):
        return {name: value, f"{name}_low": value - 0.04, f"{name}_high": value + 0.04}

    def line(system, exact, right):
        return {
            "task": "name_small_molecules", "system": system, **share("exact_match", exact), **share("right", right),
            "validity": 1.0, "rows": 5416.0,
        }  # fmt: skip

    metrics = {
        **share("exact_match", 0.421),
        "outcome_exact": 0.421,
        "outcome_same": 0.045,
        "validity": 1.0,
        "rows": 5416,
    }
    systems = ("openclatura (rules)", "nearest training molecule", "base before this run")
    summary = {
        "tasks": {"name_small_molecules": metrics}, "anchors": [line(name, 0.421, 0.466) for name in systems],
        "weights": "best.ckpt", "seconds": 20.0, "supervised_tokens_per_second": None, "rows_set_aside": 0, "outputs": {},
    }  # fmt: skip
    _show("test", summary)
    lines = capsys.readouterr().out.splitlines()
    assert max(len(line.rstrip()) for line in lines[:-1] if not line.startswith("name_")) <= width
    text = " ".join(" ".join(lines).split())
    if width == 80:
        assert "exact match right well- task % (95 %) % (95 %) formed rows" in text
        assert "name_small_molecules 42.1 (38.1 to 46.1) 42.1 (" in text
        assert "nearest training 42.1 (38.1 to 46.1) 46.6 (42.6 to 50.6) 100.0 % 5,416 molecule" in text
    else:
        assert "nearest training molecule 42.1 % (38.1 to 46.1) 46.6 % (42.6 to 50.6) 100.0 % 5,416" in text


def test_a_task_that_only_trains_has_no_row_in_the_table() -> None:
    asked, trained = (SimpleNamespace(name=name, only_trains=name == "made") for name in ("real", "made"))
    data = SimpleNamespace(
        tasks=[asked, trained], task_names=["real", "made"], num_rows=lambda split: 2,
        row=lambda split, index: SimpleNamespace(task="real", phrasing=0),
    )  # fmt: skip
    assert _count_rows(data, "val") == {"real": 2}
