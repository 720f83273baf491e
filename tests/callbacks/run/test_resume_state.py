from __future__ import annotations

import io
import random
from typing import Any

import numpy as np
import pytest
import torch

from callbacks.run.resume_state import rng_state, set_rng_state, settle_loops
from tests.helpers.lightning_loops import both, loops

CPU = torch.device("cpu")


def draw() -> list[float]:
    normal = float(np.random.normal())  # noqa: NPY002 the global state is what is tested
    return [torch.rand(1).item(), normal, random.gauss(0, 1), random.random()]


@pytest.mark.pitfall(19)
def test_random_numbers_go_on_where_they_were_after_a_checkpoint() -> None:
    before = rng_state(CPU)
    draw()  # an odd number of normal draws: NumPy and Python keep the second of a pair
    file = io.BytesIO()
    torch.save(rng_state(CPU), file)
    expected = draw()
    draw()
    file.seek(0)
    set_rng_state(torch.load(file, weights_only=True), CPU)
    assert draw() == expected
    set_rng_state(before, CPU)


@pytest.mark.parametrize(
    ("moment", "epochs", "validation"),
    [
        ("batch", both(3, 3, 2, 2), both(0, 0, 0, 0)),
        ("validation", both(3, 3, 2, 2), both(1, 1, 0, 0)),
        ("epoch", both(2, 2, 2, 2), both(0, 0, 0, 0)),
        ("stop", both(3, 3, 2, 2), both(0, 0, 0, 0)),
        ("validated", both(3, 3, 2, 2), both(0, 0, 0, 0)),
    ],
)
def test_what_was_begun_is_to_be_begun_again(moment: Any, epochs: dict, validation: dict) -> None:
    state = loops()
    settle_loops(state, moment)
    assert state["epoch_progress"] == epochs
    assert state["epoch_loop.batch_progress"] == {**both(5, 5, 5, 5), "is_last_batch": False}
    assert state["epoch_loop.val_loop.batch_progress"] == {**validation, "is_last_batch": False}
    stepped = 6 + {"stop": 1, "validated": -1}.get(moment, 0)
    assert state["epoch_loop.state_dict"] == {"_batches_that_stepped": stepped}


@pytest.mark.parametrize("moment", ["batch", "stop", "validated"])
def test_an_epoch_that_a_run_ended_within_is_gone_on_with(moment: Any) -> None:
    state = {**loops(), "epoch_progress": both(3, 3, 3, 2)}  # as Lightning counts it
    settle_loops(state, moment)
    assert state["epoch_progress"] == both(3, 3, 2, 2)
