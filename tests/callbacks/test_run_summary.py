from __future__ import annotations

import json

import pytest
from lightning.pytorch.callbacks import ModelCheckpoint
from lightning.pytorch.loggers import CSVLogger

from callbacks.exact_match import ExactMatch
from callbacks.run_summary import RunSummary, format_seconds
from callbacks.throughput import Throughput
from callbacks.validity import Validity
from tests.callbacks.callback_stubs import Aside, Pair, ScriptedModel, StubData, make_trainer

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
    logger = CSVLogger(tmp_path, name="", version="")
    trainer = make_trainer(tmp_path, callbacks, max_epochs=2, logger=logger, enable_checkpointing=True)
    model, data = Fading(PAIRS), StubData(PAIRS, aside=list(aside))
    trainer.fit(model, datamodule=data)
    return trainer, model, data


def test_the_table_tells_the_best_epoch_and_where_things_lie(tmp_path, capsys):
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
    for place in ("checkpoints/epoch=0", "metrics.csv"):
        assert f"{tmp_path}/{place}" in printed
    assert "1 rows were set aside" in printed


def test_the_summary_is_kept_and_test_adds_to_it(tmp_path, capsys):
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


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0.4, "0 s"), (59.6, "1 min 00 s"), (65, "1 min 05 s"), (3600, "1 h 00 min"), (7500, "2 h 05 min")],
)
def test_durations(seconds, text):
    assert format_seconds(seconds) == text


def test_a_trial_run_leaves_no_file(tmp_path):
    trainer = make_trainer(tmp_path, [RunSummary(), ExactMatch()], fast_dev_run=True)
    trainer.fit(ScriptedModel(PAIRS), datamodule=StubData(PAIRS))
    assert not (tmp_path / "summary.json").exists()
