"""Parts on a local Ray cluster of two workers: in order, again after a kill, none twice."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from datamodules.workers import ray_parts
from datamodules.workers.ray_parts import check_engine, map_on_ray


@pytest.fixture(scope="module")
def cluster() -> Iterator[None]:
    ray = pytest.importorskip("ray")
    os.environ["RAY_USAGE_STATS_ENABLED"] = "0"
    ray.init(num_cpus=2, include_dashboard=False, log_to_driver=False, logging_level="ERROR")
    yield
    ray.shutdown()


def double(part: int) -> tuple[int, int]:
    return 2 * part, os.getpid()


def die_once(folder: Path, part: int) -> int:
    """Note each try; the first one of part 2 kills its worker."""
    tries = len(list(folder.glob(f"{part}.*")))
    (folder / f"{part}.{tries}").touch()
    if part == 2 and not tries:
        os.kill(os.getpid(), signal.SIGKILL)
    return part


def refuse(part: int) -> int:
    raise ValueError(f"no part {part}")


@pytest.mark.usefixtures("cluster")
def test_results_come_in_order_from_other_processes() -> None:
    found = list(map_on_ray(double, range(9)))
    assert [value for value, _ in found] == list(range(0, 18, 2))
    assert os.getpid() not in {process for _, process in found}


@pytest.mark.usefixtures("cluster")
def test_a_part_whose_worker_is_killed_is_done_again_and_counts_once(tmp_path: Path) -> None:
    assert list(map_on_ray(partial(die_once, tmp_path), range(5))) == list(range(5))
    assert len(list(tmp_path.glob("2.*"))) == 2


@pytest.mark.usefixtures("cluster")
def test_few_parts_are_read_ahead() -> None:
    read = []

    def parts() -> Iterator[int]:
        for number in range(100):
            read.append(number)
            yield number

    results = map_on_ray(double, parts())
    next(results)
    assert len(read) <= 2 * 2
    results.close()  # type: ignore[attr-defined]


@pytest.mark.usefixtures("cluster")
def test_an_error_of_a_part_is_raised_as_it_is() -> None:
    with pytest.raises(ValueError, match="no part 0"):
        list(map_on_ray(refuse, range(2)))


def test_missing_package_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ray_parts, "find_spec", lambda name: None)
    check_engine("local")
    with pytest.raises(ValueError, match=r'pip install "patois\[ray\]"'):
        check_engine("ray")


def test_values_that_ray_returns_are_copies(cluster: Any) -> None:
    import numpy as np

    [found] = map_on_ray(np.zeros, [500_000])
    found[0] = 1.0  # what lies in Ray's memory cannot be written
    assert found.sum() == 1.0
