"""`predict` that was stopped goes on where it stopped: each row is answered and written once."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch.multiprocessing
from torch.utils.data import DataLoader

from callbacks.reports.answers.stored import SUFFIX
from callbacks.reports.prediction_writer import PredictionWriter
from datamodules.tokens.batching import drop_answered
from tests.helpers.callback_stubs import Aside, Pair, ScriptedModel, StubData, make_batch, make_trainer
from tests.helpers.ports import free_port, join_ranks

PAIRS = [Pair(f"in {row}", "", "CCO" if row % 3 else "C(") for row in range(20)]


class Data(StubData):
    """It asks which rows have their answers, as the real one does."""

    def predict_dataloader(self) -> DataLoader[Any]:
        rank, world = self.trainer.global_rank, self.trainer.world_size
        plan = [np.array(rows) for rows in np.array_split(np.arange(len(self.pairs))[::-1], 6)]
        plan = plan if self.pairs else []
        masks = [find() for find in self.find_answered]
        plan = drop_answered(plan, np.logical_and.reduce(masks), world)
        batches: Any = [make_batch(rows.tolist() or [-1]) for rows in plan[rank::world]]
        return DataLoader(batches, batch_size=None)


class Model(ScriptedModel):
    def __init__(self, pairs: list[Pair], dies_at: int | None = None) -> None:
        super().__init__(pairs)
        self.dies_at, self.asked = dies_at, list[int]()

    def predict_step(self, batch: Any, batch_idx: int) -> Any:
        if batch_idx == self.dies_at:
            raise RuntimeError("out of memory")
        self.asked += [row for row in batch["row_index"].tolist() if row >= 0]
        return self.validation_step(batch, batch_idx)


def predict(folder: Path, model: Model, pairs: list[Pair] = PAIRS, **options: Any) -> Path:
    output = folder / "out.csv"
    data = Data(pairs, predict_path="in.csv", aside=[Aside(4, "valence", "C")])
    make_trainer(folder, [PredictionWriter(str(output))], **options).predict(model, datamodule=data)
    return output


def test_the_same_command_goes_on_and_answers_no_row_twice(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "whole").mkdir()
    whole = predict(tmp_path / "whole", Model(PAIRS)).read_bytes()
    capsys.readouterr()
    first, second = Model(PAIRS, dies_at=3), Model(PAIRS)
    with pytest.raises(RuntimeError, match="out of memory"):
        predict(tmp_path, first)
    journal = tmp_path / f"out.csv{SUFFIX}"
    assert "the same command goes on there" in capsys.readouterr().out
    assert not (tmp_path / "out.csv").exists()
    kept = len(journal.read_bytes().splitlines()) - 1
    assert 0 < kept <= len(first.asked)
    with journal.open("ab") as file:
        file.write(b'[3, 3, -1.0, {"line": 5, "inp')  # as a kill tears a line
    assert predict(tmp_path, second).read_bytes() == whole
    assert f"{kept:,} rows have their answers from before" in capsys.readouterr().out
    assert len(second.asked) == len(PAIRS) - kept
    assert len(set(second.asked) | set(first.asked)) == len(PAIRS)
    assert not journal.exists()


def test_a_command_that_was_killed_before_its_last_step_only_writes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        patch.setattr("callbacks.reports.prediction_writer.write_answers", _fail)
        with pytest.raises(OSError, match="full"):
            predict(tmp_path, Model(PAIRS))
    again = Model(PAIRS)
    assert len(predict(tmp_path, again).read_text().splitlines()) == 22
    assert again.asked == []


def _fail(*_: Any) -> None:
    raise OSError("the disk is full")


@pytest.mark.parametrize("what", ["rows", "weights", "settings"])
def test_another_input_model_or_setting_begins_anew_and_says_so(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], what: str
) -> None:
    with pytest.raises(RuntimeError):
        predict(tmp_path, Model(PAIRS, dies_at=3))
    other, pairs = Model(PAIRS), PAIRS
    if what == "rows":
        pairs = [*PAIRS[:-1], Pair("other", "", "CC")]
        other = Model(pairs)
    elif what == "weights":
        torch.nn.init.ones_(other.weight)
    else:
        other.generation = type(other.generation)(max_new_tokens=7)
    predict(tmp_path, other, pairs)
    assert f"begun with other {what}, so that all rows are answered anew" in capsys.readouterr().out
    assert sorted(other.asked) == list(range(len(PAIRS)))


def run_rank(rank: int, folder: Path, port: int) -> None:
    torch.set_num_threads(1)
    join_ranks(rank, 2, port)
    predict(folder, Model(PAIRS), devices=2, strategy="ddp")


def test_two_ranks_go_on_behind_one(tmp_path: Path) -> None:
    (tmp_path / "whole").mkdir()
    whole = predict(tmp_path / "whole", Model(PAIRS)).read_bytes()
    with pytest.raises(RuntimeError):
        predict(tmp_path, Model(PAIRS, dies_at=3))
    torch.multiprocessing.spawn(run_rank, (tmp_path, free_port()), nprocs=2)
    assert (tmp_path / "out.csv").read_bytes() == whole
    assert not (tmp_path / f"out.csv{SUFFIX}").exists()


def run_rank_without_questions(rank: int, folder: Path, port: int) -> None:
    torch.set_num_threads(1)
    join_ranks(rank, 2, port)
    predict(folder, Model([]), [], devices=2, strategy="ddp")


@pytest.mark.parametrize("ranks", [1, 2])
def test_without_anything_to_ask_the_rows_that_were_skipped_are_written(tmp_path: Path, ranks: int) -> None:
    if ranks == 1:
        predict(tmp_path, Model([]), [])
    else:
        torch.multiprocessing.spawn(run_rank_without_questions, (tmp_path, free_port()), nprocs=2)
    header, row = (tmp_path / "out.csv").read_text().splitlines()
    assert header.startswith("line,input,prediction")
    assert row.startswith("4,C,,")
    assert row.endswith(",valence")
    assert not (tmp_path / f"out.csv{SUFFIX}").exists()


def test_a_command_without_a_run_or_a_file_goes_on_by_name(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    data = StubData(PAIRS, batch_size=1)
    with pytest.raises(RuntimeError, match="out of memory"):
        make_trainer(tmp_path, [PredictionWriter()]).predict(Model(PAIRS, dies_at=3), datamodule=data)
    assert f"the same command with --name {tmp_path.name} goes on there" in capsys.readouterr().out
