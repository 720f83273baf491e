"""A gate is one test with two sizes: a few tries in `make test`, all of them, written down, in `make gates`."""

from __future__ import annotations

import time
from collections.abc import Callable
from functools import partial

import pytest

from tests.stress.record import count


@pytest.fixture
def gate(request: pytest.FixtureRequest) -> Callable[..., None]:
    """`tests.stress.record.count`, which writes the numbers down if the test (or its parameter) is marked `gate`."""
    return partial(count, keep=request.node.get_closest_marker("gate") is not None, begun=time.monotonic())
