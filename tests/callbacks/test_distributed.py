"""All callbacks on two real processes (gloo) give what one process gives."""

from __future__ import annotations

import json
import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import torch.multiprocessing
from lightning.pytorch.callbacks import ModelCheckpoint

from callbacks.metrics.confidence import Confidence
from callbacks.metrics.error_classes import ErrorClasses
from callbacks.metrics.exact_match import ExactMatch
from callbacks.metrics.fingerprint_similarity import FingerprintSimilarity
from callbacks.metrics.round_trip import RoundTrip
from callbacks.metrics.stratified_match import StratifiedMatch
from callbacks.metrics.task_loss import TaskLoss
from callbacks.metrics.text_similarity import TextSimilarity
from callbacks.metrics.throughput import Throughput
from callbacks.metrics.validity import Validity
from callbacks.reports.audit_report import AuditReport
from callbacks.reports.baselines import Baselines
from callbacks.reports.prediction_table import PredictionTable
from callbacks.reports.prediction_writer import PredictionWriter
from callbacks.reports.rerank import Rerank
from callbacks.reports.run_summary import RunSummary
from datamodules.rows.side_texts import SideTexts
from datamodules.storage.safe_csv import read_csv
from datamodules.storage.text_columns import TextColumn
from datamodules.tokens.mixing import AdaptiveShares
from tests.helpers.callback_stubs import Aside, Pair, ScriptedModel, StubData, make_trainer
from tests.helpers.ports import free_port, join_ranks

# 7 rows on 2 ranks: rank 1 has one less, made up by a repeat or a filler row. The last two are of another task,
# which rank 1 sees one row of; the repeated row 1 is wrong, so that counting it twice would show.
PAIRS = [
    Pair("a", "CCO", "CCO"),
    Pair("b", "CCN", "CC"),
    Pair("c", "CCO", "OCC"),
    Pair("d", "CCO", "C("),
    Pair("e", "c1ccccc1", "c1ccccc1"),
    Pair("f", "word", "word", "spell", "text"),
    Pair("g", "word", "ward", "spell", "text"),
]


DETAILED = ("error_classes.csv", "strata.csv", "calibration.csv", "abstaining.csv", "audit.csv", "audit.json", "rerank.csv",
            "predictions/test_epoch_1.csv")  # fmt: skip


class TrainedData(StubData):
    def side_texts(self, side: str) -> list[SideTexts]:
        first, second = (
            TextColumn.of(list(column)) for column in zip(("a", "CCO"), ("z", "CCN"), strict=True)
        )
        return [SideTexts("to_smiles", "text", "smiles", first, second, first)]

    def note_losses(self, losses: Mapping[str, float], epoch: int) -> dict[str, float]:
        shares = AdaptiveShares([1.0] * len(losses), floor=0.1)
        shares.note([9.0, 3.0], 0)
        shares.note(list(losses.values()), 1)
        return dict(zip(losses, shares.at(2), strict=True))


class Drawing(ScriptedModel):
    def test_step(self, batch: dict[str, torch.Tensor], batch_idx: int) -> dict[str, Any]:
        outputs = self.validation_step(batch, batch_idx)
        return outputs | {
            "candidates": [[(text, -1.0, True), ("CCO", -2.0, True)] for text in outputs["prediction"]]
        }


def run_all(folder: Path, repeat: bool, **options) -> None:
    callbacks = [
        PredictionTable(),
        RunSummary(),
        TextSimilarity(),
        TaskLoss(),
        ExactMatch(),
        Validity(),
        FingerprintSimilarity(),
        RoundTrip(each_epoch=True),
        ErrorClasses(each_epoch=True),
        StratifiedMatch(),
        Confidence(),
        AuditReport(),
        Baselines(),
        Rerank(),
        Throughput(),
        PredictionWriter(),
        ModelCheckpoint(folder / "checkpoints", monitor="val/exact_match", mode="max"),
    ]
    data = TrainedData(
        PAIRS, batch_size=2, repeat=repeat, aside=[Aside(4, "empty", "")], predict_path="in.csv"
    )
    trainer = make_trainer(folder, callbacks, enable_checkpointing=True, **options)
    model = Drawing(PAIRS)
    trainer.fit(model, datamodule=data)
    metrics = {name: float(value) for name, value in trainer.callback_metrics.items()}
    trainer.test(model, datamodule=data, verbose=False)
    trainer.predict(model, datamodule=data, return_predictions=False)
    (folder / f"metrics_{trainer.global_rank}.json").write_text(json.dumps(metrics))


def run_rank(rank: int, folder: Path, port: int) -> None:
    """One of two processes, as a launcher such as torchrun starts them."""
    torch.set_num_threads(1)
    warnings.filterwarnings("error", "It is recommended to use .self.log")
    join_ranks(rank, 2, port)
    for kind in ("repeat", "filler"):
        run_all(folder / kind, kind == "repeat", devices=2, strategy="ddp")


@pytest.mark.pitfall(4)
@pytest.mark.pitfall(3)
def test_two_processes_give_the_files_and_metrics_of_one(tmp_path):
    for kind in ("repeat", "filler", "alone"):
        (tmp_path / kind).mkdir()
    run_all(tmp_path / "alone", repeat=False)
    torch.multiprocessing.spawn(run_rank, (tmp_path, free_port()), nprocs=2)
    expected = json.loads((tmp_path / "alone" / "metrics_0.json").read_text())
    assert expected["val/to_smiles/exact_match"] == pytest.approx(2 / 5)
    evaluated = {name for name in expected if name.startswith("val/") or name.endswith("/share")}
    assert expected["train/spell/share"] not in (0.5, pytest.approx(0.5))
    assert {
        "val/spell/loss",
        "train/spell/share",
        "val/exact_match",
        "val/spell/validity",
        "val/to_smiles/char_bleu_high",
        "val/to_smiles/morgan",
    } <= evaluated
    for kind in ("repeat", "filler"):
        for rank in (0, 1):
            metrics = json.loads((tmp_path / kind / f"metrics_{rank}.json").read_text())
            assert {name: metrics[name] for name in metrics if name in evaluated} == {
                name: expected[name] for name in evaluated
            }
        for file in ("predictions/val_epoch_0.csv", "error_classes.csv", "predict/predictions/in.csv"):
            assert (tmp_path / kind / file).read_text() == (tmp_path / "alone" / file).read_text()
        for file in DETAILED:
            assert (tmp_path / kind / "test" / file).read_text() == (
                tmp_path / "alone" / "test" / file
            ).read_text()
        systems, expected_systems = (
            [
                {name: cell for name, cell in line.items() if name != "seconds"}
                for line in read_csv(tmp_path / run / "test" / "anchors.csv")
            ]
            for run in (kind, "alone")
        )
        assert systems == expected_systems
        assert (
            len(systems) == 3
        )  # the model for both tasks, and the nearest input for the one with training rows
        assert (tmp_path / kind / "summary.json").is_file()
    assert [row["line"] for row in read_csv(tmp_path / "filler" / "predict" / "predictions" / "in.csv")] == [
        *"23456789"
    ]
    # Throughput counts positions of all ranks: 7 rows of 5 and, on two ranks, the row that makes up.
    padding = json.loads((tmp_path / "filler" / "metrics_1.json").read_text())["train/padding"]
    tokens = sum(2 + row % 3 + 1 for row in range(7))
    assert padding == pytest.approx(1 - tokens / 40, rel=1e-5)
    assert expected["train/padding"] == pytest.approx(1 - tokens / 35, rel=1e-5)
