"""Two real ranks (gloo): what all of them need is prepared once."""

from __future__ import annotations

import json
import os
import socket
import time
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import torch
import torch.distributed
import torch.multiprocessing
from lightning.pytorch import LightningModule, Trainer
from lightning.pytorch.strategies import DDPStrategy

from datamodules import task_data
from datamodules.rows import prepare
from datamodules.rows.guess_notations import Guess
from datamodules.sequence_task import SequenceTaskDataModule
from datamodules.tasks import Task
from datamodules.workers.cores import count_cores
from tests.helpers.bpe import make_tokenizer
from tests.helpers.ports import join_ranks

PATIENCE = 3.0
"""Seconds that the ranks' own communication waits; preparing takes longer."""


class Nothing(LightningModule):
    def validation_step(self, batch: dict[str, Any], index: int) -> None:
        pass


def note_work(log: list[Any], seconds: list[float]) -> None:
    """Let the data module say when it reads and when it tokenises; the last of `seconds` is what reading takes longer."""
    read, fill = prepare.read_parts, task_data.fill

    def read_and_note(*args: Any) -> Any:
        log.append(["read", len(args[4].workers)])
        time.sleep(seconds[-1])
        return read(*args)

    def fill_and_note(*args: Any) -> Any:
        log.append(["tokenise"])
        return fill(*args)

    prepare.read_parts, task_data.fill = read_and_note, fill_and_note


def validate(
    folder: Path, log: list[Any], table: Path, cache: Path, column: str = "out", timeout: float = 60
) -> dict[str, Any]:
    """Validate with one of the ranks; return what it did and saw."""
    del log[:]
    data = SequenceTaskDataModule(
        make_tokenizer(begin="<s>"), source=str(table), input_column="in", output_column=column, format="arrow",
        val_fraction=0.5, cache_dir=str(cache),
    )  # fmt: skip
    strategy = DDPStrategy(process_group_backend="gloo", timeout=timedelta(seconds=timeout))
    trainer = Trainer(
        accelerator="cpu", devices=2, strategy=strategy, default_root_dir=folder, logger=False,
        enable_checkpointing=False, enable_progress_bar=False, enable_model_summary=False,
    )  # fmt: skip
    error = None
    try:
        trainer.validate(Nothing(), datamodule=data, verbose=False)
    except ValueError as raised:
        error = str(raised)
    rows = [batch["input_ids"].tolist() for batch in data.val_dataloader().dataset] if error is None else []
    notations = [[side.notation for side in (task.input, task.output)] for task in data.tasks]
    return {"did": list(log), "error": error, "rows": rows, "notations": notations}


def guess_otherwise(task: Task, sides: list[str], rows: Any) -> list[Guess]:
    """Guess as a rank might on which cells take too long."""
    return [Guess(side, getattr(task, side).column, "number", 1, 1) for side in sides]


def run_rank(rank: int, folder: Path, ports: tuple[int, int]) -> None:
    """One of two processes, as a launcher such as torchrun starts them."""
    torch.set_num_threads(1)
    join_ranks(rank, 2, ports[0])
    os.environ["TOKENIZERS_PARALLELISM"] = "false"  # its threads did not come along in the fork
    log: list[Any] = []
    seconds = [0.0]
    note_work(log, seconds)
    if rank == 1:
        prepare.guess_from_rows = task_data.guess_from_rows = guess_otherwise
    table = folder / "table.csv"
    results = {
        "failed": validate(folder, log, table, folder / "cache", column="nonsense"),
        "unwritable": validate(folder, log, table, table / "cache"),
    }
    torch.distributed.destroy_process_group()  # the next one is of less patience
    os.environ["MASTER_PORT"] = str(ports[1])
    seconds.append(PATIENCE * 1.2)
    results["shared"] = validate(folder, log, table, folder / "cache", timeout=PATIENCE)
    (folder / f"{rank}.json").write_text(json.dumps(results))


@pytest.fixture(scope="module")
def results(tmp_path_factory: pytest.TempPathFactory) -> list[dict[str, Any]]:
    """What each rank did in each case."""
    folder = tmp_path_factory.mktemp("ranks")
    lines = ["in,out", *(f"{'C' * number},{number * number}" for number in range(1, 41))]
    (folder / "table.csv").write_text("\n".join(lines) + "\n")
    with socket.socket() as one, socket.socket() as other:
        for server in (one, other):
            server.bind(("127.0.0.1", 0))
        ports = one.getsockname()[1], other.getsockname()[1]
    torch.multiprocessing.start_processes(run_rank, (folder, ports), nprocs=2, start_method="fork")
    return [json.loads((folder / f"{rank}.json").read_text()) for rank in (0, 1)]


def test_rank_0_prepares_with_all_cores_while_rank_1_waits_beyond_the_timeout(
    results: list[dict[str, Any]],
) -> None:
    first, second = (result["shared"] for result in results)
    assert first["did"] == [["read", count_cores()], ["tokenise"]]
    assert second["did"] == []
    assert first["rows"] == second["rows"] != []


def test_all_ranks_take_the_notations_that_rank_0_guesses(results: list[dict[str, Any]]) -> None:
    for case in ("shared", "unwritable"):
        assert [result[case]["notations"] for result in results] == [[["smiles", "number"]]] * 2


def test_all_ranks_say_why_preparing_fails(results: list[dict[str, Any]]) -> None:
    first, second = (result["failed"]["error"] for result in results)
    assert first == second
    assert "'nonsense' is not a column" in first


def test_ranks_without_a_cache_prepare_with_their_share_of_cores(results: list[dict[str, Any]]) -> None:
    first, second = (result["unwritable"] for result in results)
    share = max(1, count_cores() // 2)
    assert first["did"] == [["read", count_cores()], ["tokenise"]]
    assert second["did"] == [["read", share], ["tokenise"]]
    assert first["rows"] == second["rows"] == results[0]["shared"]["rows"]
