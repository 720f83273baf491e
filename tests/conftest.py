"""What every test has: no network, no W&B server, no threads to fight over, a data cache of its own."""

from __future__ import annotations

import atexit
import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from hypothesis import settings

os.environ.setdefault("OMP_WAIT_POLICY", "passive")
os.environ["HF_HUB_OFFLINE"] = "1"
os.environ.pop("WANDB_API_KEY", None)
os.environ.setdefault("WANDB_SILENT", "true")

# By default an example may take 200 ms by the wall clock, which a busy machine exceeds.
settings.register_profile("without deadline", deadline=None)
settings.load_profile("without deadline")

_CACHE = tempfile.mkdtemp(prefix="patois-test-cache-")
os.environ["PATOIS_CACHE"] = _CACHE
atexit.register(shutil.rmtree, _CACHE, ignore_errors=True)

# Before any test module imports rich.console: Python caches Optional[Union[int, float]] by the first of its orders, and with
# rich's, float first, Trainer's own `limit_train_batches: 1` would be parsed as 1.0, which means all batches. train.py has
# Lightning's order, as test_limit_of_one_batch_is_one_batch shows.
import lightning.pytorch  # noqa: E402, F401


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Put the files of whole runs first: begun last, a long one would keep one process busy while the others have ended.

    With several processes this needs `--no-loadscope-reorder`.
    """
    items.sort(key=lambda item: item.path.parent.name not in ("stress", "tests"))


@contextmanager
def own_environment() -> Iterator[None]:
    """Take back what a fit in this process leaves, above all the port of its ranks.

    Lightning writes it into the environment, where a later test's processes would find it and ask for a port that this
    process still holds.
    """
    before = dict(os.environ)
    yield
    import torch.distributed

    if torch.distributed.is_available() and torch.distributed.is_initialized():
        torch.distributed.destroy_process_group()
    os.environ.clear()
    os.environ.update(before)


@pytest.fixture(scope="module", autouse=True)
def _environment_of_the_file() -> Iterator[None]:
    with own_environment():
        yield


@pytest.fixture(autouse=True)
def _environment_of_the_test() -> Iterator[None]:
    with own_environment():
        yield


@pytest.fixture
def run_in(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Path]:
    """Run the command line in this process, in a folder of its own; return the folder of the runs."""
    import train

    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("WANDB_MODE", "disabled")

    def run(*args: str) -> Path:
        train.main(args)
        return tmp_path / "runs"

    return run
