"""Call a function on the parts of a table on a Ray cluster: the cores of this machine, or those of all its machines."""

from __future__ import annotations

import contextlib
import os
import pickle
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from importlib.util import find_spec
from typing import Any, Literal, TypeVar

from datamodules.workers.cores import share_of_cores

Engine = Literal["local", "ray"]
T = TypeVar("T")
R = TypeVar("R")

_MOST_TRIES = 3  # again after a worker died: of memory, most likely, or with its machine
_AHEAD = 2  # parts in flight for each core: enough that none waits, few enough that they fit into memory


def check_engine(engine: Engine) -> None:
    """Raise ValueError if an engine is not installed."""
    if engine == "ray" and find_spec("ray") is None:
        raise ValueError(
            'Expected the package ray for --data.engine ray, but it is not installed: pip install "patois[ray]".'
        )


def map_on_ray(function: Callable[[T], R], parts: Iterable[T]) -> Iterator[R]:
    """Yield what a function returns for each part, in the order of the parts.

    A part whose worker dies is done again, up to three times; no part is in the results twice. The cluster is the running one of
    this machine or of $RAY_ADDRESS, on whose machines Patois must be installed; without one, one of this machine's cores is
    started, and stopped in the end.

    Args:
        function: It must give the same for the same part, wherever it runs.
        parts: What a worker is sent, read as results are taken.

    Raises:
        Exception: What the function raises, on its first part that does.
    """
    import ray

    with _cluster(ray):
        # As bytes: what Ray returns may lie in its shared memory, which ends with the cluster.
        call: Any = ray.remote(max_retries=_MOST_TRIES)(lambda part: pickle.dumps(function(part)))
        most = _AHEAD * max(1, int(ray.cluster_resources().get("CPU", 1)))
        waiting: deque[Any] = deque()
        for part in parts:
            waiting.append(call.remote(part))
            if len(waiting) >= most:
                yield _take(ray, waiting)
        while waiting:
            yield _take(ray, waiting)


def _take(ray: Any, waiting: deque[Any]) -> Any:
    try:
        return pickle.loads(ray.get(waiting.popleft()))
    except ray.exceptions.RayTaskError as error:
        raise error.as_instanceof_cause() from None


@contextlib.contextmanager
def _cluster(ray: Any) -> Iterator[None]:
    """Join a running cluster, or start one for as long as it is needed."""
    if ray.is_initialized():
        yield
        return
    quiet: dict[str, Any] = {"log_to_driver": False, "logging_level": "ERROR"}
    if os.environ.get("RAY_ADDRESS"):
        ray.init(**quiet)
    else:
        os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")  # it would report to its makers
        ray.init(num_cpus=share_of_cores(), include_dashboard=False, **quiet)
    try:
        yield
    finally:
        ray.shutdown()
