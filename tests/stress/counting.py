"""Validate, test and predict on N rows with W ranks, for many W and N: `python -m tests.stress.counting W,W,... N,N,...`.

The real data module, model and callbacks; every third answer is put right, so that there is something to count. Ranks are
forked once PyTorch is imported. Leaves `WxN/` in the working folder with what the callbacks write, and metrics.json.
"""

from __future__ import annotations

import csv
import json
import socket
import sys
from pathlib import Path
from typing import Any

import torch
import torch.multiprocessing

from callbacks.metrics.exact_match import ExactMatch
from callbacks.reports.prediction_table import PredictionTable
from callbacks.reports.prediction_writer import PredictionWriter
from datamodules.sequence_task import SequenceTaskDataModule
from datamodules.stages import evaluated_rows
from lightning_modules.causal_lm import CausalLM
from lightning_modules.generation.generate import GenerationSettings
from tests.helpers.callback_stubs import make_trainer
from tests.helpers.ports import join_ranks
from tests.helpers.runs import write_tiny_base

RIGHT = 3
"""Every so many rows an answer is right."""


def input_of(row: int) -> str:
    """Return the input of a row: no two are equal, and none is as long as the one before."""
    return f"{row} " + "x" * (7 * row % 11 + 1)


class HalfRight(CausalLM):
    """Generates as ever, then puts every third answer right."""

    def _evaluate(self, batch: dict[str, Any], *args: Any, **options: Any) -> dict[str, Any] | None:
        outputs = super()._evaluate(batch, *args, **options)
        assert outputs is not None
        data: Any = self.trainer.datamodule  # type: ignore[attr-defined]
        stage = evaluated_rows(self.trainer.state.fn)
        for place, index in enumerate(batch["row_index"].tolist()):
            if index >= 0:
                row = int(data.row(stage, index).input.split()[0])  # its number in the file
                outputs["prediction"][place] = f" y{row}" if row % RIGHT == 0 else " wrong"
        return outputs


def make_data(folder: Path, tokenizer: Any, rows: int) -> SequenceTaskDataModule:
    """Return the data module over three files of this many rows."""
    for name in ("val", "test", "new"):
        with (folder / f"{name}{rows}.csv").open("w", newline="") as file:
            csv.writer(file).writerows([("in", "out"), *((input_of(row), f"y{row}") for row in range(rows))])
    return SequenceTaskDataModule(
        tokenizer,
        source=str(folder / "train.csv"),
        val_source=str(folder / f"val{rows}.csv"),
        test_source=str(folder / f"test{rows}.csv"),
        predict_path=str(folder / f"new{rows}.csv"),
        input_column="in",
        output_column="out",
        format="arrow",
        eval_batch_size=1 + rows % 4,
        cache=False,
    )


def run_rank(rank: int, world: int, sizes: list[int], module: CausalLM, folder: Path, port: int) -> None:
    """One of the ranks, as a launcher such as torchrun starts them."""
    torch.set_num_threads(1)
    join_ranks(rank, world, port)
    strategy = {"devices": world, "strategy": "ddp"} if world > 1 else {}
    own = folder / f"files{world}_{rank}"
    own.mkdir()
    (own / "train.csv").write_text("in,out\na,b\n")
    for rows in sizes:
        metrics: dict[str, float] = {}
        for stage in ("validate", "test", "predict"):
            callbacks = [ExactMatch(), PredictionTable(), PredictionWriter()]
            trainer = make_trainer(folder / f"{world}x{rows}", callbacks, **strategy)
            getattr(trainer, stage)(module, datamodule=make_data(own, module.tokenizer, rows))
            metrics |= {name: float(value) for name, value in trainer.callback_metrics.items()}
        if rank == 0:
            (folder / f"{world}x{rows}" / "metrics.json").write_text(json.dumps(metrics))


def main(worlds: list[int], sizes: list[int]) -> None:
    """Run all sizes with each number of ranks."""
    folder = Path.cwd()
    torch.manual_seed(0)
    base = write_tiny_base(folder, hidden_size=16, num_hidden_layers=1)
    module = HalfRight(base, generation=GenerationSettings(max_new_tokens=2))
    module.configure_model()
    for world in worlds:
        with socket.socket() as server:
            server.bind(("127.0.0.1", 0))
            port = server.getsockname()[1]
        arguments = (world, sizes, module, folder, port)
        torch.multiprocessing.start_processes(run_rank, arguments, nprocs=world, start_method="fork")


if __name__ == "__main__":
    main(*([int(number) for number in word.split(",")] for word in sys.argv[1:3]))
