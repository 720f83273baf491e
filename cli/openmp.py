"""How long PyTorch's idle threads wait for the next piece of work before they sleep."""

from __future__ import annotations

import os

SPIN_ROUNDS = "2000"
"""For libgomp, PyTorch's OpenMP on Linux; about 40 microseconds. On two cores, bf16, the built-in decoder (rows a second,
medians of three): sleeping at once 105, after 300 rounds 135, 1,000 174, 2,000 181, 10,000 185; while another program
keeps one of the cores busy 105, 93, 76, 59 and 21. Left alone, libgomp goes round 300,000 times."""


def thread_settings() -> dict[str, str]:
    """Return the variables that decide it, unless the user's do; only of use to a process before it loads PyTorch."""
    given = {"OMP_WAIT_POLICY", "GOMP_SPINCOUNT"} & os.environ.keys()
    return {} if given else {"GOMP_SPINCOUNT": SPIN_ROUNDS}
