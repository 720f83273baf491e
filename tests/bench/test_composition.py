from __future__ import annotations

import json
from pathlib import Path

import pytest

from bench import mfu, workload
from bench.cases import PARTS
from bench.composition import Parts, measure_composition, plain_bytes_per_second, run_command
from bench.workload import make_workload
from tests.runs import TINY


@pytest.fixture
def tiny_shape(monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.setitem(workload.SHAPES, "tiny", {**TINY, "vocab_size": 5000})
    return "tiny"


def test_the_parts_of_a_step_add_up(tmp_path: Path, tiny_shape: str) -> None:
    found = measure_composition(make_workload(tmp_path, tiny_shape, "arrow", 64), 8, "fp32")
    assert sum(found[f"{part}_share"] for part in PARTS) == pytest.approx(1)
    assert all(found[f"{part}_share"] > 0 for part in PARTS)
    assert found["forward_share"] + found["backward_share"] > 0.3
    assert found["update_share"] == pytest.approx(found["update_gbps"] / found["plain_gbps"])


def test_the_update_of_many_unused_weights_takes_long(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An embedding of 200,000 rows, few of which are looked up, is updated as a whole; so clock and bytes can be checked."""
    shape = {**TINY, "vocab_size": 200_000, "tie_word_embeddings": True}
    monkeypatch.setitem(workload.SHAPES, "wide", shape)
    found = measure_composition(make_workload(tmp_path, "wide", "arrow", 10), 2, "fp32")
    assert found["clipping_share"] + found["optimizer_share"] > 0.02
    assert 0.1 < found["update_gbps"] < 500
    assert 0.01 < found["update_share"] < 20


def test_the_warm_up_does_not_count(monkeypatch: pytest.MonkeyPatch) -> None:
    times = iter(range(1000))
    monkeypatch.setattr("bench.composition.time.perf_counter", lambda: next(times))
    parts = Parts()
    for _ in range(5):
        for part in PARTS:
            parts.end(part)
    assert parts.steps == 2
    assert parts.seconds == dict.fromkeys(PARTS, 2)


def test_a_plain_pass_counts_what_it_reads_and_writes(monkeypatch: pytest.MonkeyPatch) -> None:
    times = iter(range(100))
    monkeypatch.setattr("bench.composition.time.perf_counter", lambda: next(times))  # each pass takes 1 s
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


def test_a_measurement_prints_what_was_measured_how(
    tiny_shape: str, capsys: pytest.CaptureFixture[str]
) -> None:
    def measure(loaded: workload.Workload, batch_size: int, precision: str) -> dict[str, float]:
        return {"rows": len(loaded.train) / batch_size}

    run_command(measure, "", ["--shape", tiny_shape, "--rows", "24"])
    assert json.loads(capsys.readouterr().out) == {
        "shape": "tiny", "precision": "fp32", "batch_size": 8, "rows": 3
    }  # fmt: skip
    with pytest.raises(SystemExit, match="2"):
        run_command(measure, "", ["--shape", tiny_shape, "--rows", "20"])
    assert "multiple of --batch-size 8" in capsys.readouterr().err
