"""What the figures depend on: the card, its driver, the versions, the commit."""

from __future__ import annotations

import platform
import shutil
import subprocess
from collections.abc import Iterator

import torch

from cli.commands.env import PACKAGES, describe_commit, installed
from tests.gpu.place import Place, Result

OTHERS = ("triton", "trl", "liger_kernel")


def describe(place: Place) -> Iterator[Result]:
    """Yield the facts; `cards` is 0 where PyTorch sees no GPU."""
    versions = {name: found for name in (*PACKAGES, *OTHERS) if (found := installed(name))}
    facts: Result = {"device": place.device, "cards": torch.cuda.device_count()}
    if place.device == "cuda" and facts["cards"]:
        of = torch.cuda.get_device_properties(0)
        facts |= {
            "card": of.name, "memory": f"{of.total_memory / 2**30:.0f} GiB", "driver": driver(),
            "CUDA": torch.version.cuda or torch.version.hip, "NCCL": ".".join(map(str, torch.cuda.nccl.version())),
        }  # fmt: skip
    yield {**facts, "python": platform.python_version(), **versions, "commit": describe_commit() or "unknown"}


def driver() -> str:
    """Return the driver's version, by nvidia-smi."""
    if shutil.which("nvidia-smi") is None:
        return "unknown"
    words = ["nvidia-smi", "--query-gpu=driver_version", "--format=csv,noheader"]
    lines = subprocess.run(words, capture_output=True, text=True, check=False).stdout.splitlines()
    return lines[0].strip() if lines else "unknown"
