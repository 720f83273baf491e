from __future__ import annotations

import pytest

from bench.speed.stopwatch import EPOCHS, TIMED, Stopwatch, check_rows


def run(monkeypatch: pytest.MonkeyPatch, rows: int, epochs: list[list[int]], gap: float = 0) -> Stopwatch:
    """Run epochs of so many rows a step; a step takes a second, and between epochs lie `gap` seconds."""
    now = [0.0]
    monkeypatch.setattr("bench.speed.stopwatch.time.perf_counter", lambda: now[0])
    stopwatch = Stopwatch(rows)
    for counts in epochs:
        stopwatch.begin_epoch()
        for count in counts:
            now[0] += 1
            stopwatch.step(count)
        now[0] += gap
    return stopwatch


def test_stopwatch_times_each_epoch_but_the_first(monkeypatch: pytest.MonkeyPatch) -> None:
    epochs = [[4, 4]] * TIMED + [[2, 2, 2, 2]]
    result = run(monkeypatch, 8, epochs, gap=100).result(1.5)
    assert result["epoch_seconds"] == [2] * (TIMED - 1) + [4]
    assert result["seconds"] == 2
    assert result["rows_per_second"] == 4
    assert result["steps"] == 4
    assert result["held_out_loss"] == 1.5
    assert result["peak_mb"] > 1


@pytest.mark.parametrize(
    "epochs",
    [[[4, 4]] * TIMED, [*[[4, 4]] * TIMED, [4]], [[4, 4]] * (EPOCHS + 1), [[4, 4, 4], *[[4, 4]] * TIMED]],
)
def test_stopwatch_refuses_another_number_of_rows(
    monkeypatch: pytest.MonkeyPatch, epochs: list[list[int]]
) -> None:
    stopwatch = run(monkeypatch, 8, epochs)
    with pytest.raises(RuntimeError, match="Expected 6 epochs of 8 rows each, but the trainer's steps had"):
        stopwatch.result(0)


def test_stopwatch_waits_for_the_device_at_the_ends_of_an_epoch_only() -> None:
    waits: list[int] = []
    stopwatch = Stopwatch(8, wait=lambda: waits.append(len(stopwatch.counts)), device_peak=lambda: 7.5)
    for _ in range(EPOCHS):
        stopwatch.begin_epoch()
        for _ in range(4):
            stopwatch.step(2)
    assert waits == [number for epoch in range(EPOCHS) for number in (epoch, epoch + 1)]
    assert stopwatch.result(0)["device_peak_mb"] == 7.5
    assert "device_peak_mb" not in run_plainly().result(0)


def run_plainly() -> Stopwatch:
    stopwatch = Stopwatch(2)
    for _ in range(EPOCHS):
        stopwatch.begin_epoch()
        stopwatch.step(2)
    return stopwatch


@pytest.mark.parametrize("rows", [0, 16, 40])
def test_rows_must_be_a_multiple_of_the_batch_size(rows: int) -> None:
    with pytest.raises(ValueError, match=f"multiple of --batch-size 16, at least 2 times it, but got {rows}"):
        check_rows(rows, 16)
    check_rows(48, 16)
