from __future__ import annotations

from pathlib import Path

import pytest

from bench.speed.startup import time_first_step, time_help
from tests.helpers.runs import own_table


def test_a_real_run_is_timed_to_its_first_step(tmp_path: Path) -> None:
    assert 0 < time_help() < time_first_step(*own_table(tmp_path)) < 200


def test_a_run_that_ends_before_is_an_error() -> None:
    with pytest.raises(RuntimeError, match="ended with code 1 before its first step"):
        time_first_step("--data.task", "nothing")
