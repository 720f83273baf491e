from __future__ import annotations

import itertools
import json
from collections import Counter
from functools import partial
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch

from bench.speed.training import ablations
from bench.speed.training.plain_loop import lay_batches, load, loss_of
from bench.speed.training.workload import make_workload


def test_both_sides_of_an_ablation_train_alike(tmp_path: Path) -> None:
    loaded = make_workload(tmp_path, "tiny", "arrow", 32)
    decoder = load(loaded)[0]
    loss = partial(loss_of, precision="fp32")
    for batch in lay_batches(loaded, ablations.BATCH):
        ours, masked, whole = (
            side(decoder, batch) for side in (loss, ablations._with_mask, ablations._of_transformers)
        )
        torch.testing.assert_close(masked, ours)
        torch.testing.assert_close(whole, ours)
    asked = lay_batches(make_workload(tmp_path / "alpaca", "tiny", "alpaca", 32), ablations.BATCH)
    for batch in asked:
        assert batch["prefix_length"] > 10
        torch.testing.assert_close(loss(decoder, batch), loss(decoder, batch, share_prefix=False))


def test_ablation_plans_have_every_row_and_like_lengths_pad_less(tmp_path: Path) -> None:
    loaded = make_workload(tmp_path, "tiny", "arrow", 256)
    like, drawn = (lay_batches(loaded, ablations.BATCH, by_length=by_length) for by_length in (True, False))
    for batches in (like, drawn):
        assert Counter(row for batch in batches for row in batch["row_index"].tolist()) == Counter(range(256))
    assert sum(batch["input_ids"].numel() for batch in like) < 0.9 * sum(
        batch["input_ids"].numel() for batch in drawn
    )


def test_ablation_sides_take_turns_and_the_first_turn_does_not_count(monkeypatch: pytest.MonkeyPatch) -> None:
    done: list[str] = []
    times = itertools.count()
    monkeypatch.setattr(ablations, "time", SimpleNamespace(perf_counter=lambda: next(times)))

    def slow() -> None:
        done.append("without")
        if len(done) > 2:
            next(times)

    assert ablations.seconds_of((lambda: done.append("with"), slow), turns=2) == (1, 2)
    assert done == ["without", "with", "with", "without", "without", "with"]


def test_each_ablation_is_a_line(capsys: pytest.CaptureFixture[str]) -> None:
    ablations.main(["--shape", "tiny", "--rows", "32", "--strings", "50"])
    results = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [result["way"] for result in results] == [
        "grouping", "no mask", "loss", "prefix", "fused", "batched"
    ]  # fmt: skip
    assert all(result["ratio"] == result["without"] / result["seconds"] for result in results)
