from __future__ import annotations

import time
from types import SimpleNamespace

import pytest
import torch

from callbacks.metrics.throughput import Throughput, count_batch
from tests.helpers.callback_stubs import Pair, ScriptedModel, StubData, make_batch, make_trainer


def test_counts_of_a_batch():
    # Rows 0 and 1 have 1 and 2 supervised tokens after 2 of the prompt; the third row is a filler.
    assert count_batch(make_batch([0, 1, -1])).tolist() == [1 + 2, 3 + 4, 15, 2]


def test_padding_that_is_the_stop_token_is_still_padding():
    batch = make_batch([0])
    batch["input_ids"][:, 2:] = 7  # stop token and padding have one id
    assert count_batch(batch).tolist() == [1, 3, 5, 1]


def test_rates_of_an_epoch_leave_validation_out(tmp_path):
    class Slow(ScriptedModel):
        def training_step(self, batch, batch_idx):
            time.sleep(0.05)
            return super().training_step(batch, batch_idx)

        def validation_step(self, batch, batch_idx):
            time.sleep(0.4)
            return super().validation_step(batch, batch_idx)

    pairs = [Pair("a", "b", "b", "t", "text")] * 6
    trainer = make_trainer(tmp_path, [Throughput()])
    start = time.perf_counter()
    trainer.fit(Slow(pairs), datamodule=StubData(pairs, batch_size=2))
    wall = time.perf_counter() - start
    metrics = {name: float(value) for name, value in trainer.callback_metrics.items()}
    seconds = 6 / metrics["train/rows_per_second"]
    assert 3 * 0.05 <= seconds <= wall - 3 * 0.4
    assert metrics["train/supervised_tokens_per_second"] * seconds == pytest.approx(12, rel=1e-3)
    assert metrics["train/tokens_per_second"] * seconds == pytest.approx(24, rel=1e-3)
    assert metrics["train/padding"] == pytest.approx(1 - 24 / 30, rel=1e-4)


def test_totals_go_on_with_the_run(tmp_path):
    pairs = [Pair("a", "b", "b", "t", "text")] * 6
    first = Throughput()
    trainer = make_trainer(tmp_path, [first])
    trainer.fit(ScriptedModel(pairs), datamodule=StubData(pairs, batch_size=2))
    assert trainer.callback_metrics["train/tokens_seen"] == 24
    kept = first.state_dict()
    assert kept["tokens"] == 24
    assert kept["seconds"] > 0
    second = Throughput()
    second.load_state_dict(kept)
    trainer = make_trainer(tmp_path, [second])
    trainer.fit(ScriptedModel(pairs), datamodule=StubData(pairs, batch_size=2))
    assert trainer.callback_metrics["train/tokens_seen"] == 48
    assert trainer.callback_metrics["train/seconds"] > kept["seconds"]


def test_no_step_reads_a_number_from_the_device(tmp_path, monkeypatch):
    callback = Throughput()
    callback.on_train_epoch_start(None, None)  # type: ignore[arg-type]

    def refuse(*_):
        raise AssertionError("a number was read from the device within a step")

    for name in ("item", "tolist", "__int__", "__float__", "__bool__", "cpu", "numpy"):
        monkeypatch.setattr(torch.Tensor, name, refuse)
    callback.on_train_batch_end(None, None, None, make_batch([0, 1]), 0)  # type: ignore[arg-type]


@pytest.mark.parametrize("first", [True, False])
def test_an_epoch_that_is_gone_on_with_is_counted_whole(first):
    trainer = SimpleNamespace(
        strategy=SimpleNamespace(reduce=lambda value, reduce_op: value), is_global_zero=first
    )
    module = SimpleNamespace(
        device=torch.device("cpu"), log=lambda name, value, **_: logged.update({name: value})
    )
    logged, checkpoint = {}, {}
    before = Throughput()
    before.on_train_epoch_start(trainer, module)
    before.on_train_batch_end(trainer, module, None, make_batch([0, 1, -1]), 0)
    time.sleep(0.2)
    before.on_save_checkpoint(trainer, module, checkpoint)
    before.on_train_batch_end(trainer, module, None, make_batch([3, 4]), 1)  # lost with the process

    after = Throughput()
    after.on_load_checkpoint(trainer, module, checkpoint)
    after.on_train_start(trainer, module)
    after.on_train_batch_end(trainer, module, None, make_batch([2]), 1)
    after.on_train_epoch_end(trainer, module)
    tokens, positions = (3 + 4 + 5, 20) if first else (5, 5)  # rank 0 goes on with what all had
    assert logged["train/padding"] == pytest.approx(1 - tokens / positions)
    assert (logged["train/rows_per_second"] < 3 / 0.2) == first
