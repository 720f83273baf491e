from __future__ import annotations

import itertools
import json
from collections import Counter
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch

from bench import ways
from bench.plain_loop import load
from bench.workload import make_workload


def test_both_sides_of_a_way_train_alike(tmp_path: Path) -> None:
    loaded = make_workload(tmp_path, "tiny", "arrow", 32)
    decoder = load(loaded)[0]
    for batch in ways.batches_of(loaded):
        ours, masked, whole = (
            loss(decoder, batch) for loss in (ways._as_patois, ways._with_mask, ways._of_transformers)
        )
        torch.testing.assert_close(masked, ours)
        torch.testing.assert_close(whole, ours)
    asked = ways.batches_of(make_workload(tmp_path / "alpaca", "tiny", "alpaca", 32))
    for batch in asked:
        assert batch["prefix_length"] > 10
        torch.testing.assert_close(
            ways._as_patois(decoder, batch), ways._as_patois(decoder, batch, share_prefix=False)
        )


def test_both_plans_have_every_row_and_like_lengths_pad_less(tmp_path: Path) -> None:
    loaded = make_workload(tmp_path, "tiny", "arrow", 256)
    like, drawn = (ways.batches_of(loaded, by_length) for by_length in (True, False))
    for batches in (like, drawn):
        assert Counter(row for batch in batches for row in batch["row_index"].tolist()) == Counter(range(256))
    assert sum(batch["input_ids"].numel() for batch in like) < 0.9 * sum(
        batch["input_ids"].numel() for batch in drawn
    )


def test_sides_take_turns_and_the_first_turn_does_not_count(monkeypatch: pytest.MonkeyPatch) -> None:
    done: list[str] = []
    times = itertools.count()
    monkeypatch.setattr(ways, "time", SimpleNamespace(perf_counter=lambda: next(times)))

    def slow() -> None:
        done.append("without")
        if len(done) > 2:
            next(times)

    assert ways.seconds_of((lambda: done.append("with"), slow), turns=2) == (1, 2)
    assert done == ["without", "with", "with", "without", "without", "with"]


def test_each_way_is_a_line(capsys: pytest.CaptureFixture[str]) -> None:
    ways.main(["--shape", "tiny", "--rows", "32", "--strings", "50"])
    results = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [result["way"] for result in results] == [
        "grouping", "no mask", "loss", "prefix", "fused", "batched"
    ]  # fmt: skip
    assert all(result["ratio"] == result["without"] / result["seconds"] for result in results)
