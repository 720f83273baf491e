from __future__ import annotations

from pathlib import Path

import pytest

from bench.speed.startup import time_first_step, time_help
from tests.helpers.runs import own_table


@pytest.mark.slow
def test_startup_times_a_real_run_to_its_first_step(tmp_path: Path) -> None:
    assert 0 < time_help() < time_first_step(*own_table(tmp_path)) < 200


def test_startup_of_a_run_without_a_step_is_an_error() -> None:
    with pytest.raises(RuntimeError, match="ended with code 1 before its first step"):
        time_first_step("--data.task", "nothing")
