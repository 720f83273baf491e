from __future__ import annotations

import sys

import pytest
from lightning.pytorch.loggers import CSVLogger

from callbacks.metrics.exact_match import ExactMatch
from callbacks.metrics.throughput import Throughput
from callbacks.metrics.validity import Validity
from callbacks.reports.dashboard import choose_rows, main, shorten, spread_over_epochs
from callbacks.reports.prediction_table import PredictionTable
from tests.helpers.callback_stubs import Pair, ScriptedModel, StubData, make_trainer

PAIRS = [Pair("ethanol", "CCO", "CCO"), Pair("$a_b$", "CC", "C("), Pair("x" * 99, "C", "CC")]


def test_dashboard_is_drawn_from_the_files_of_a_run(tmp_path):
    callbacks = [ExactMatch(), Validity(), PredictionTable(), Throughput()]
    trainer = make_trainer(tmp_path, callbacks, logger=CSVLogger(tmp_path, name="", version=""), max_epochs=2)
    trainer.fit(ScriptedModel(PAIRS), datamodule=StubData(PAIRS))
    main([str(tmp_path), "--output", str(tmp_path / "deep" / "x.png")])
    assert (tmp_path / "deep" / "x.png").read_bytes().startswith(b"\x89PNG")


def test_dashboard_without_matplotlib_says_what_to_install(tmp_path, monkeypatch):
    (tmp_path / "metrics.csv").write_text("epoch,val/loss\n0,1.5\n")
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    with pytest.raises(SystemExit, match=r"pip install -e \"\.\[plots\]\""):
        main([str(tmp_path)])


def test_dashboard_of_a_folder_without_a_run_is_a_usage_error(tmp_path, capsys):
    with pytest.raises(SystemExit):
        main([str(tmp_path)])
    assert "found neither" in capsys.readouterr().err


def test_dashboard_chooses_rows_of_each_verdict_in_turn():
    rows = [
        {"verdict": word, "row": str(i)} for i, word in enumerate(["wrong"] * 5 + ["invalid"] + ["exact"] * 2)
    ]
    assert [row["row"] for row in choose_rows(rows, 5)] == ["6", "0", "5", "7", "1"]
    assert choose_rows([], 5) == []


def test_dashboard_spreads_the_values_within_an_epoch():
    assert spread_over_epochs([(0, 5.0), (0, 4.0), (1, 3.0)]) == ([0.5, 1.0, 2.0], [5.0, 4.0, 3.0])


def test_dashboard_cuts_long_texts_in_the_middle():
    assert shorten("short") == "short"
    assert shorten("a" * 50 + "b" * 50, 11) == "aaaaa…bbbbb"
    assert shorten(" ") == "(empty)"
