"""A stress test has two sizes: a few tries in `make test`, all of them, written down, in `make stress`."""

from __future__ import annotations

import time
from collections.abc import Callable
from functools import partial

import pytest

from tests.stress.record import count


@pytest.fixture
def record_tries(request: pytest.FixtureRequest) -> Callable[..., None]:
    """`tests.stress.record.count`, which writes the numbers down if the test (or its parameter) is marked `stress`."""
    return partial(count, keep=request.node.get_closest_marker("stress") is not None, begun=time.monotonic())
