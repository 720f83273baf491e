"""Where a section runs, and what it yields."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from importlib.util import find_spec
from pathlib import Path
from typing import Any

Result = dict[str, Any]
"""A check (`what`, `value`, `bound`, `passed`) or a measurement (`what` and its figures)."""
TINY_FACTOR = 10
"""How much longer a section may take on a CPU, which may be slow and busy."""


@dataclass(frozen=True)
class Place:
    """A device, and a folder for whatever a section writes."""

    device: str
    """`cuda`, or `cpu`: the same lines at tiny sizes, to try the suite itself."""
    folder: Path

    @property
    def tiny(self) -> bool:
        """Whether sizes are those of a try, and no figure means anything."""
        return self.device == "cpu"

    @property
    def accelerator(self) -> str:
        """The device as `--trainer.accelerator` calls it."""
        return "gpu" if self.device == "cuda" else "cpu"


@dataclass(frozen=True)
class Section:
    """A part of the suite, with a process and a limit of its own."""

    name: str
    function: str
    """`MODULE:FUNCTION` of tests/gpu, imported once its turn comes: without a package only the sections that need it stop."""
    seconds: float
    """Longest time on a GPU; what it has yielded until then is kept."""
    needs: tuple[str, ...] = ()
    """Packages beyond PyTorch, Lightning and Transformers; without them the section is skipped."""
    words: tuple[str, ...] = ()
    """What the function gets before the place."""

    def load(self) -> Callable[[Place], Iterator[Result]]:
        """Import the function."""
        module, _, function = self.function.partition(":")
        return partial(getattr(importlib.import_module(f"tests.gpu.{module}"), function), *self.words)

    def missing(self) -> list[str]:
        """Return the packages that it needs and that are not installed."""
        return [package for package in self.needs if find_spec(package) is None]


def check(what: str, value: float, bound: float) -> Result:
    """Return whether a value is within its bound; NaN is not.

    Examples:
        >>> check("loss", 0.5, 1.0)
        {'what': 'loss', 'value': 0.5, 'bound': 1.0, 'passed': True}
    """
    return {"what": what, "value": float(value), "bound": bound, "passed": bool(value <= bound)}
