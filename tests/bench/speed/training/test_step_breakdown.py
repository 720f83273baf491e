from __future__ import annotations

import itertools
import json
from pathlib import Path
from types import SimpleNamespace

import pytest

from bench.speed.cases import PARTS
from bench.speed.training import mfu, workload
from bench.speed.training.plain_loop import load
from bench.speed.training.step_breakdown import (
    Parts,
    measure_composition,
    plain_bytes_per_second,
    run_command,
)
from bench.speed.training.workload import make_workload
from tests.helpers.runs import TINY


@pytest.fixture
def tiny_shape(monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.setitem(workload.SHAPES, "tiny", {**TINY, "vocab_size": 5000})
    return "tiny"


def test_parts_of_a_step_add_up(tmp_path: Path, tiny_shape: str) -> None:
    found = measure_composition(make_workload(tmp_path, tiny_shape, "arrow", 64), 8, "fp32")
    assert sum(found[f"{part}_share"] for part in PARTS) == pytest.approx(1)
    assert all(found[f"{part}_share"] > 0 for part in PARTS)
    assert found["forward_share"] + found["backward_share"] > 0.3
    assert found["update_share"] == pytest.approx(found["update_gbps"] / found["plain_gbps"])


def test_update_moves_forty_bytes_a_parameter(
    tmp_path: Path, tiny_shape: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By a clock in which every part takes a second: clipping and optimizer take two together."""
    loaded = make_workload(tmp_path, tiny_shape, "arrow", 40)
    size = sum(weight.numel() for weight in load(loaded)[0].parameters())
    times = itertools.count()
    monkeypatch.setattr(
        "bench.speed.training.step_breakdown.time", SimpleNamespace(perf_counter=lambda: next(times))
    )
    found = measure_composition(loaded, 8, "fp32")
    assert found["update_gbps"] == pytest.approx(40 * size / 2 / 1e9)
    assert found["step_seconds"] == len(PARTS)
    assert found["plain_gbps"] == pytest.approx(2 * 4 * 2**26 / 1e9)


def test_warm_up_steps_do_not_count(monkeypatch: pytest.MonkeyPatch) -> None:
    times = iter(range(1000))
    monkeypatch.setattr("bench.speed.training.step_breakdown.time.perf_counter", lambda: next(times))
    parts = Parts()
    for _ in range(5):
        for part in PARTS:
            parts.end(part)
    assert parts.steps == 2
    assert parts.seconds == dict.fromkeys(PARTS, 2)


def test_memory_pass_counts_bytes_read_and_written(monkeypatch: pytest.MonkeyPatch) -> None:
    times = iter(range(100))
    monkeypatch.setattr(
        "bench.speed.training.step_breakdown.time.perf_counter", lambda: next(times)
    )  # each pass takes 1 s
    assert plain_bytes_per_second(size=1000, repeats=3) == 8000


def test_model_flop_use_of_a_tiny_decoder(
    tiny_shape: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(mfu, "matmul_flops", lambda _: 4e9)
    monkeypatch.setattr(mfu, "run_patois", lambda *_: {"rows_per_second": 10})
    loaded = make_workload(tmp_path, tiny_shape, "arrow", 40)
    found = mfu.measure(loaded, 8, "fp32")
    work = mfu.model_flops(loaded)
    assert found["matmul_gflops"] == 4
    assert found["gflops"] == pytest.approx(10 * work / 1e9)
    assert found["share"] == pytest.approx(10 * work / 4e9)


def test_step_breakdown_command_prints_its_conditions_and_refuses_partial_steps(
    tiny_shape: str, capsys: pytest.CaptureFixture[str]
) -> None:
    def measure(loaded: workload.Workload, batch_size: int, precision: str) -> dict[str, float]:
        return {"rows": len(loaded.train) / batch_size}

    run_command(measure, "", ["--shape", tiny_shape, "--rows", "32"])
    assert json.loads(capsys.readouterr().out) == {
        "shape": "tiny", "precision": "fp32", "batch_size": 8, "rows": 4
    }  # fmt: skip
    for words in (
        ["--rows", "36"],
        ["--rows", "24"],
        ["--shape", "nonsense"],
    ):  # no whole steps; warm-up only
        with pytest.raises(SystemExit, match="2"):
            run_command(measure, "", words)
    message = capsys.readouterr().err
    assert message.count("multiple of --batch-size 8, at least 4 times it") == 2
    assert "invalid choice: 'nonsense'" in message
