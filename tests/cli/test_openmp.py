from __future__ import annotations

import os
import subprocess
import sys

import pytest

from cli.openmp import thread_settings


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ({}, "2000"),
        ({"GOMP_SPINCOUNT": "7"}, "7"),
        ({"OMP_WAIT_POLICY": "passive"}, None),
    ],
)
def test_openmp_variables_of_the_user_win(
    given: dict[str, str], expected: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("GOMP_SPINCOUNT", "OMP_WAIT_POLICY"):
        # set first, so that monkeypatch also takes away what is set in between
        monkeypatch.setenv(name, "")
        monkeypatch.delenv(name)
    for name, value in given.items():
        monkeypatch.setenv(name, value)
    os.environ.update(thread_settings())
    assert os.environ.get("GOMP_SPINCOUNT") == expected


@pytest.mark.skipif(sys.platform != "linux", reason="libgomp is PyTorch's OpenMP on Linux only")
def test_openmp_is_settled_before_pytorch_is_loaded() -> None:
    """libgomp reads it once, when it is loaded, and says what it read."""
    code = "import train, sys; assert 'torch' not in sys.modules; train.main(['fit', '--print_config'])"
    environment = {
        name: value for name, value in os.environ.items() if not name.startswith(("OMP_", "GOMP_"))
    }
    done = subprocess.run(
        [sys.executable, "-c", code], env={**environment, "OMP_DISPLAY_ENV": "verbose"}, capture_output=True, text=True,
        check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-2000:]
    assert "GOMP_SPINCOUNT = '2000'" in done.stderr
