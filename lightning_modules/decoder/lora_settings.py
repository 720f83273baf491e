"""Method, size and place of low-rank adapters, as values that can be checked without loading PyTorch."""

from __future__ import annotations

import importlib.util
from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True)
class LoraSettings:
    """Low-rank adapters; the base's own weights stay frozen."""

    method: Literal["lora", "dora", "rslora"] = "lora"
    """lora (arXiv 2106.09685); dora also trains the norm of each weight column (2402.09353); rslora scales by
    alpha / sqrt(rank) instead of alpha / rank, for large ranks (2312.03732)."""
    rank: int = 16
    """Rank of the update of each weight matrix. At least 1."""
    alpha: float = 32.0
    """The update is scaled by alpha / rank. Above 0."""
    dropout: float = 0.0
    """Share of an adapter's inputs that training sets to zero, in [0, 1)."""
    targets: Literal["attention", "all_linear"] | list[str] = "attention"
    """attention: all attention projections; all_linear: all linear layers except the output embedding; or a list of
    module names, such as [q_proj, v_proj]."""

    def __post_init__(self) -> None:
        """Reject values that cannot work.

        Raises:
            ValueError: If a value is invalid, or if PEFT is not installed.
        """
        checks = {
            "method": (self.method in ("lora", "dora", "rslora"), "lora, dora or rslora"),
            "rank": (self.rank >= 1 and self.rank == int(self.rank), "a whole number of at least 1"),
            "alpha": (self.alpha > 0, "above 0"),
            "dropout": (0 <= self.dropout < 1, "in [0, 1)"),
            "targets": (
                self.targets in ("attention", "all_linear")
                or (isinstance(self.targets, list) and len(self.targets) > 0),
                "attention, all_linear or a list of module names",
            ),
        }
        for name, (holds, expected) in checks.items():
            if not holds:
                raise ValueError(
                    f"Expected --model.peft.{name} to be {expected}, but got {getattr(self, name)!r}."
                )
        if importlib.util.find_spec("peft") is None:
            raise ValueError('--model.peft needs the package peft: `pip install -e ".[peft]"`.')
