from __future__ import annotations

import warnings

import pytest

from callbacks.loggers.metrics_csv import MetricsCSV
from callbacks.metrics.exact_match import ExactMatch
from callbacks.metrics.throughput import Throughput
from callbacks.metrics.validity import Validity
from callbacks.reports.prediction_table import PredictionTable
from callbacks.reports.run_page import RunPage
from callbacks.reports.run_summary import RunSummary
from callbacks.run.run_facts import last_checkpoint_file
from datamodules.storage.safe_csv import read_csv
from tests.helpers.callback_stubs import Pair, ScriptedModel, StubData, make_trainer

PAIRS = [Pair("a", "CCO", "CCO"), Pair("b", "CCO", "("), Pair("c", "seven", "VII", "spell", "text")]


def run(folder, page=None, logger=True, callbacks=(), **options):
    # the page stands first, so that the others' hooks run after its own
    parts = [
        page or RunPage(),
        ExactMatch(),
        Validity(),
        PredictionTable(),
        Throughput(),
        RunSummary(),
        *callbacks,
    ]
    trainer = make_trainer(
        folder, [*parts[1:], parts[0]], logger=MetricsCSV(folder) if logger else False, **options
    )
    return trainer, ScriptedModel(PAIRS), StubData(PAIRS)


def test_fit_and_test_write_the_page_and_a_line_an_epoch(tmp_path):
    trainer, model, data = run(tmp_path / "mine", max_epochs=3)
    trainer.fit(model, datamodule=data)
    epochs = read_csv(tmp_path / "mine" / "epochs.csv")
    assert [epoch["epoch"] for epoch in epochs] == ["0", "1", "2"]
    assert all(epoch["rows_per_second"] and epoch["exact_match"] for epoch in epochs)
    page = tmp_path / "mine" / "report.html"
    of_fit = page.read_text()
    assert "fit: validation rows" in of_fit
    assert "test: test rows" not in of_fit
    trainer.test(model, datamodule=data, verbose=False)
    assert "fit: validation rows" in page.read_text()
    assert "test: test rows" in page.read_text()


def test_the_report_comes_before_the_next_commands_which_are_last(tmp_path, capsys):
    trainer, model, data = run(tmp_path / "mine", max_epochs=1)
    trainer.fit(model, datamodule=data)
    (tmp_path / "mine" / "checkpoints").mkdir(exist_ok=True)
    last_checkpoint_file(trainer).write_bytes(b"")
    capsys.readouterr()
    trainer.test(model, datamodule=data, verbose=False)
    lines = capsys.readouterr().out.splitlines()
    assert [line.split(":")[0] for line in lines[-4:-1]] == ["files", "report", "Next"]
    assert " predict --ckpt_path " in lines[-1]


def test_epochs_are_written_while_the_fit_goes_on(tmp_path):
    class Look(RunPage):
        def __init__(self):
            self.seen = []

        def on_train_epoch_start(self, trainer, pl_module):
            super().on_train_epoch_start(trainer, pl_module)
            file = tmp_path / "epochs.csv"
            self.seen.append(len(read_csv(file)) if file.is_file() else 0)

    page = Look()
    trainer, model, data = run(tmp_path, page, max_epochs=3)
    trainer.fit(model, datamodule=data)
    assert page.seen == [0, 1, 2]


def test_page_that_fails_is_one_line_and_the_fit_ends_well(tmp_path, monkeypatch):
    def fail(run):
        raise RuntimeError("no\nluck")

    monkeypatch.setattr("callbacks.reports.run_page.write_page", fail)
    trainer, model, data = run(tmp_path)
    with pytest.warns(
        UserWarning, match=r"^report\.html was not written, the run is not affected: RuntimeError: no luck$"
    ):
        trainer.fit(model, datamodule=data)


def test_trials_other_ranks_and_predict_write_nothing(tmp_path, monkeypatch):
    for folder, options in ((tmp_path / "trial", {"fast_dev_run": True}), (tmp_path / "rank", {})):
        trainer, model, data = run(folder, logger=False, **options)
        if not options:
            monkeypatch.setattr(type(trainer), "is_global_zero", False)
        trainer.fit(model, datamodule=data)
        assert not list(folder.glob("*.html"))
    monkeypatch.undo()
    trainer, model, data = run(tmp_path / "asked", logger=False)
    trainer.predict(model, datamodule=data)
    assert not list((tmp_path / "asked").glob("*.html"))


def test_run_without_a_logger_has_a_page_without_curves(tmp_path):
    trainer, model, data = run(tmp_path, logger=False)
    with warnings.catch_warnings():
        warnings.simplefilter("error", UserWarning)
        warnings.filterwarnings("ignore", ".*does not have many workers.*")
        trainer.fit(model, datamodule=data)
    page = (tmp_path / "report.html").read_text()
    assert "to_smiles" in page
    assert not (tmp_path / "epochs.csv").exists()
