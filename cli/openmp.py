"""How long PyTorch's idle threads wait for more work before they sleep."""

from __future__ import annotations

import os

SPIN_ROUNDS = "2000"
"""Rounds of busy waiting in libgomp, PyTorch's OpenMP on Linux; 2,000 take about 40 microseconds. Rows a second of the
built-in decoder in bf16 on two cores (medians of three): without waiting 105, after 300 rounds 135, 1,000 174, 2,000 181,
10,000 185; while another program keeps one of the cores busy 105, 93, 76, 59 and 21. libgomp's default is 300,000."""


def thread_settings() -> dict[str, str]:
    """Return the environment variables that set it, none if the user set one; they must be set before PyTorch loads."""
    given = {"OMP_WAIT_POLICY", "GOMP_SPINCOUNT"} & os.environ.keys()
    return {} if given else {"GOMP_SPINCOUNT": SPIN_ROUNDS}
