from __future__ import annotations

from types import SimpleNamespace

import pytest

from callbacks.metrics.reading import collected
from callbacks.metrics.reading.collected import MOST_BATCHES, Parts


@pytest.mark.parametrize(
    ("seconds", "lengths"), [(1.0, [1, MOST_BATCHES, MOST_BATCHES]), (10.0, [1, 3, 3]), (99.0, [1, 1, 1])]
)
def test_parts_are_as_long_as_the_time_of_their_batches_allows(
    monkeypatch: pytest.MonkeyPatch, seconds: float, lengths: list[int]
) -> None:
    clock = SimpleNamespace(now=0.0)
    monkeypatch.setattr(collected.time, "monotonic", lambda: clock.now)
    trainer = SimpleNamespace(strategy=SimpleNamespace(broadcast=lambda value: value))
    parts, found, length = Parts(), [], 0
    parts.begin(timed=True)
    while len(found) < 3:
        clock.now += seconds
        length += 1
        if parts.ends(trainer):  # type: ignore[arg-type]
            found.append(length)
            length = 0
    assert found == lengths


def test_parts_of_an_evaluation_that_cannot_go_on_have_a_fixed_length() -> None:
    parts = Parts()
    ends = [parts.ends(SimpleNamespace()) for _ in range(3 * MOST_BATCHES)]  # type: ignore[arg-type]
    assert [number for number, is_end in enumerate(ends, start=1) if is_end] == [
        MOST_BATCHES,
        2 * MOST_BATCHES,
        3 * MOST_BATCHES,
    ]
