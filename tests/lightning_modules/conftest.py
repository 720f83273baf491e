"""What several tests of the model share."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import Any

import pytest
import torch

from tests.helpers.runs import PROJECT
from tests.helpers.tiny import save_tiny


@pytest.fixture(scope="session")
def base(tmp_path_factory: pytest.TempPathFactory) -> str:
    """A saved tiny decoder."""
    return save_tiny(tmp_path_factory.mktemp("base"))


@pytest.fixture(scope="session")
def ranks(base: str, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """What two gloo ranks got."""
    results = tmp_path_factory.mktemp("ranks") / "results.pt"
    command = [sys.executable, "-m", "tests.helpers.tiny_runs", base, str(results)]
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    done = subprocess.run(command, cwd=PROJECT, env=environment, capture_output=True, text=True, timeout=200)
    assert done.returncode == 0, done.stderr[-3000:]
    return torch.load(results)
