"""OPSIN without Java: answers from a dictionary, as the real one does over standard input, output and error."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace as _module
from typing import Any

import pytest

from datamodules.workers import opsin

BANNER = "Run the jar using the -h flag for help. Enter a chemical name to begin:\n"


class FakeJava:
    """Replaces `subprocess.run`. Names that are not in `meanings` are unparsable.

    A name `slow` times out, a name `lost` gets no line, and names that begin with `vague` are read with a warning.
    """

    def __init__(self, meanings: Mapping[str, str]) -> None:
        self.meanings = {"methane": "C", "vague": "CC", **meanings}
        self.batches: list[list[str]] = []
        self.outputs: list[str] = []

    def __call__(
        self, command: list[str], input: bytes, timeout: float, **_: Any
    ) -> subprocess.CompletedProcess[bytes]:
        names = input.decode().split("\n")[:-1]
        assert not any(names[1::2]), "an empty line after each name"
        self.batches.append(names[::2])
        self.outputs.append(command[-1])
        if "slow" in names:
            raise subprocess.TimeoutExpired(command, timeout)
        lines, warnings = [], [BANNER]
        for name in (name for name in names if name != "lost"):
            lines.append(f"{self.meanings.get(name, '')}\r\n")
            if not name:
                warnings.append("Input chemical name was blank!\n")
            elif name.startswith("vague"):
                warnings.append("APPEARS_AMBIGUOUS: Connection of eth to ane\n")
            elif name not in self.meanings:
                warnings.append(f"{name} is unparsable due to the following being uninterpretable: {name}\n")
        return subprocess.CompletedProcess(command, 0, "".join(lines).encode(), "".join(warnings).encode())


@contextmanager
def fake_opsin(meanings: Mapping[str, str]) -> Iterator[FakeJava]:
    """Replace OPSIN with a fake; a `NotationCalls` keeps its earlier results."""
    fake = FakeJava(meanings)
    with pytest.MonkeyPatch.context() as patch, forgetting():
        patch.setattr(opsin, "subprocess", _module(run=fake, TimeoutExpired=subprocess.TimeoutExpired))
        patch.setattr(opsin, "jar_path", lambda: Path("opsin.jar"))
        patch.setattr(opsin, "shutil", _module(which=lambda _: "/usr/bin/java"))
        yield fake


@contextmanager
def no_java() -> Iterator[None]:
    """A machine without Java."""
    with pytest.MonkeyPatch.context() as patch, forgetting():
        patch.setattr(opsin, "shutil", _module(which=lambda _: None))
        yield


@contextmanager
def forgetting() -> Iterator[None]:
    """Clear the cached availability of OPSIN, before and after."""
    opsin.why_unavailable.cache_clear()
    yield
    opsin.why_unavailable.cache_clear()


def need_opsin() -> pytest.MarkDecorator:
    """Skip a test if the real OPSIN is not available."""
    why = opsin.why_unavailable()
    return pytest.mark.skipif(why is not None, reason=f"needs OPSIN: {why}")
