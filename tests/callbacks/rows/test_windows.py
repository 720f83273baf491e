from __future__ import annotations

import csv
import json
import warnings
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from callbacks.metrics.constrained_decoding import ConstrainedDecoding
from callbacks.metrics.exact_match import ExactMatch
from callbacks.metrics.task_loss import TaskLoss
from callbacks.reports.baselines import Baselines
from callbacks.reports.prediction_table import PredictionTable
from callbacks.reports.prediction_writer import PredictionWriter
from callbacks.rows.evaluated_row import Stage
from callbacks.rows.windows import find_best, rate
from datamodules.rows.row import Row
from datamodules.sequence_task import SequenceTaskDataModule
from datamodules.storage.safe_csv import read_csv
from lightning_modules.generation.generate import GenerationSettings
from tests.helpers.callback_stubs import Pair, ScriptedModel, StubData, make_trainer
from tests.helpers.ports import free_port, join_ranks
from tests.helpers.tiny import save_tiny
from tests.helpers.tiny_runs import make_module
from tests.helpers.tiny_runs import make_trainer as make_real_trainer

ROW_OF = [0, 1, 2, 0, 2, 2]
"""The row of each prompt: of three rows, the first has two windows and the last three."""
RATES = [-1.0, -5.0, -2.0, -3.0, -1.5, -1.5]
"""How probable a token of each answer is: the first row's first window is best, and the third's second (the first of equals)."""
PAIRS = [Pair(f"q{row}", f"a{row}", f"{'a' if number in (0, 1, 4) else 'b'}{row}", "t", "text")
         for number, row in enumerate(ROW_OF)]  # fmt: skip


class WindowData(StubData):
    def num_rows(self, stage: Stage) -> int:
        return 3

    def asked_as(self, stage: Stage, index: int) -> list[int]:
        return [prompt for prompt, row in enumerate(ROW_OF) if row == index]

    def row(self, stage: Any, index: int) -> Row:
        row = super().row(stage, index)
        prompts = self.asked_as("test", ROW_OF[index])
        several = len(prompts) > 1
        return replace(
            row, index=ROW_OF[index], line=2 + ROW_OF[index], window=prompts.index(index) + 1 if several else 0,
            windows=len(prompts) if several else 0,
        )  # fmt: skip


class Scoring(ScriptedModel):
    def validation_step(self, batch: dict[str, torch.Tensor], batch_idx: int) -> dict[str, Any]:
        outputs = super().validation_step(batch, batch_idx)
        index, tokens = batch["row_index"], outputs["num_tokens"]
        rates = torch.tensor([RATES[i] if i >= 0 else 0.0 for i in index.tolist()])
        supervised = torch.where(index < 3, outputs["row_tokens"], 0)
        return outputs | {"score": rates * tokens, "row_tokens": supervised}

    test_step = validation_step
    predict_step = validation_step


def run_all(folder: Path, **options: Any) -> None:
    callbacks = [PredictionTable(), ExactMatch(), TaskLoss(), PredictionWriter()]
    trainer = make_trainer(folder, callbacks, **options)
    data = WindowData(PAIRS, batch_size=2, predict_path="in.csv")
    trainer.test(Scoring(PAIRS), datamodule=data, verbose=False)
    metrics = {name: float(value) for name, value in trainer.callback_metrics.items()}
    trainer.predict(Scoring(PAIRS), datamodule=data, return_predictions=False)
    (folder / f"metrics_{trainer.global_rank}.json").write_text(json.dumps(metrics))


def run_rank(rank: int, folder: Path, port: int) -> None:
    torch.set_num_threads(1)
    warnings.filterwarnings("error", "It is recommended to use .self.log")
    join_ranks(rank, 2, port)
    run_all(folder, devices=2, strategy="ddp")


def test_the_best_window_is_the_one_whose_tokens_are_most_probable() -> None:
    assert find_best(np.array(ROW_OF), np.array(RATES)).tolist() == [0, 1, 4]
    assert (rate(-6.0, 3), rate(-6.0, 3, chosen=True), rate(-6.0, 0)) == (-2.0, -6.0, -6.0)


def test_each_row_counts_once_by_its_best_window(tmp_path: Path) -> None:
    run_all(tmp_path)
    metrics = json.loads((tmp_path / "metrics_0.json").read_text())
    assert metrics["test/t/exact_match"] == 1.0
    assert metrics["test/t/loss"] == pytest.approx(sum(0.25 * n * (n + 1) for n in (1, 2, 3)) / (2 + 3 + 4))
    for path in ("test/predictions/test_epoch_0.csv", "predict/predictions/in.csv"):
        rows = read_csv(tmp_path / path)
        assert [row["prediction"] for row in rows] == ["a0", "a1", "a2"]
        assert [(row["window"], row["windows"]) for row in rows] == [("1", "2"), ("", ""), ("2", "3")]
    assert [row["row"] for row in read_csv(tmp_path / "test/predictions/test_epoch_0.csv")] == ["0", "1", "2"]


@pytest.mark.pitfall(4)
def test_two_processes_choose_the_windows_of_one(tmp_path: Path) -> None:
    for name in ("alone", "two"):
        (tmp_path / name).mkdir()
    run_all(tmp_path / "alone")
    torch.multiprocessing.spawn(run_rank, (tmp_path / "two", free_port()), nprocs=2)
    for file in ("metrics_0.json", "test/predictions/test_epoch_0.csv", "predict/predictions/in.csv"):
        assert (tmp_path / "two" / file).read_text() == (tmp_path / "alone" / file).read_text()


def write_passages(path: Path) -> str:
    with path.open("w", newline="") as file:
        lines = [("context", "question", "answer", "split")]
        for number in range(12):
            context = " ".join(f"w{number}x{place}" for place in range(40 if number % 3 else 3))
            lines.append((context, f"where {number}", f"w{number}x{2}", "train" if number < 4 else "test"))
        csv.writer(file).writerows(lines)
    return str(path)


def test_a_tiny_model_answers_long_rows_by_spans_of_their_windows(tmp_path: Path) -> None:
    settings = GenerationSettings(max_new_tokens=8, only_from="input")
    module = make_module(save_tiny(tmp_path / "base"), generation=settings)
    data = SequenceTaskDataModule(
        module.tokenizer, source=write_passages(tmp_path / "passages.csv"), input_column="context,question",
        output_column="answer", input_notation="text", output_notation="answer", split_column="split", format="labels",
        eval_batch_size=5, max_length=96, cache=False, window_column="context", predict_path=str(tmp_path / "passages.csv"),
    )  # fmt: skip
    callbacks = [ConstrainedDecoding(), PredictionTable(), PredictionWriter(), Baselines()]
    trainer = make_real_trainer(callbacks=callbacks, default_root_dir=str(tmp_path))
    module.configure_model()
    trainer.strategy.connect(module)
    trainer.save_checkpoint(tmp_path / "x.ckpt")
    trainer = make_real_trainer(callbacks=callbacks, default_root_dir=str(tmp_path))
    trainer.test(module, data, ckpt_path=str(tmp_path / "x.ckpt"), weights_only=False, verbose=False)
    [table] = (tmp_path / "test" / "predictions").glob("*.csv")
    rows = read_csv(table)
    assert [row["row"] for row in rows] == [str(number) for number in range(8)]
    assert {row["windows"] == "" for row in rows} == {True, False}
    for row in rows:
        prompts = data.asked_as("test", int(row["row"]))
        asked = {data.row("test", prompt).window: data.row("test", prompt).asked for prompt in prompts}
        text = asked[int(row["window"])] if row["window"] else row["input"]
        assert row["prediction"] in (text or "")
        answers = module.predict_step(data.questions("test", prompts), 0)
        rates = [
            rate(*one) for one in zip(answers["score"].tolist(), answers["num_tokens"].tolist(), strict=True)
        ]
        best = prompts[int(np.argmax(rates))]
        assert (
            data.extract("test", best, answers["prediction"][int(np.argmax(rates))]).strip()
            == row["prediction"]
        )
    systems = {row["system"]: row for row in read_csv(tmp_path / "test" / "anchors.csv")}
    assert systems["base before this run"]["rows"] == "8"
    trainer.predict(module, data, return_predictions=False)
    answers = read_csv(tmp_path / "predict" / "predictions" / "passages.csv")
    assert len(answers) == 12
    assert [row["context"] for row in answers] == [
        row["context"] for row in read_csv(tmp_path / "passages.csv")
    ]
    assert all(row["prediction"] in row["input"] for row in answers)
