"""How long PyTorch's idle threads wait for the next piece of work before they sleep."""

from __future__ import annotations

import os

SETTINGS = {"GOMP_SPINCOUNT": "2000"}
"""For libgomp, PyTorch's OpenMP on Linux; about 40 microseconds. On two cores, bf16, the built-in decoder (rows a second,
medians of three): sleeping at once 105, after 300 rounds 135, 1,000 174, 2,000 181, 10,000 185; while another program
keeps one of the cores busy 105, 93, 76, 59 and 21. Left alone, libgomp goes round 300,000 times."""


def settle_threads() -> None:
    """Set what decides it, unless the user has; only of use before PyTorch is loaded."""
    if "OMP_WAIT_POLICY" not in os.environ:
        for name, value in SETTINGS.items():
            os.environ.setdefault(name, value)
