"""The learning rate over a run: warm-up, then a cosine. Pure."""

from __future__ import annotations

import math
from dataclasses import dataclass


def warmup_cosine(
    step: int, total: float, warmup_fraction: float, min_fraction: float, decay_fraction: float = 1.0
) -> float:
    """Return the factor of the learning rate at an optimizer step.

    It rises linearly to 1 over the warm-up, falls to `min_fraction` along half a cosine, and stays there: a run
    that goes on longer than planned never sees it rise again. Between warm-up and decay it stays 1.

    Args:
        step: Optimizer steps done, from 0.
        total: Optimizer steps of the whole run; when it has no end (infinity) the factor stays 1 after 100 steps.
        warmup_fraction: Share of `total` for the warm-up, in [0, 1].
        min_fraction: Factor at the end, in [0, 1].
        decay_fraction: Share of `total` at its end in which it falls, in [0, 1]; it never begins before the warm-up ends.

    Examples:
        >>> [round(warmup_cosine(step, 10, warmup_fraction=0.2, min_fraction=0.1), 2) for step in (0, 1, 2, 6, 10, 99)]
        [0.5, 1.0, 1.0, 0.55, 0.1, 0.1]
    """
    if math.isinf(total):
        return min(1.0, (step + 1) / 100)
    warmup = round(total * warmup_fraction)
    if step < warmup:
        return (step + 1) / warmup
    begin = max(warmup, total * (1 - decay_fraction))
    progress = min(1.0, max(0.0, step - begin) / max(1.0, total - begin))
    return min_fraction + (1 - min_fraction) * 0.5 * (1 + math.cos(math.pi * progress))


@dataclass(frozen=True)
class WarmupCosine:
    """The default schedule: shares of a run whose length is not known yet."""

    warmup_fraction: float
    min_lr_fraction: float
    decay_fraction: float

    def __post_init__(self) -> None:
        """Reject what is no share.

        Raises:
            ValueError: If one of them is not in [0, 1].
        """
        for name, share in vars(self).items():
            if not 0 <= share <= 1:
                raise ValueError(f"Expected --model.{name} to be in [0, 1], but got {share}.")

    def factor(self, step: int, total: float) -> float:
        """Return the factor of the learning rate at a step.

        Args:
            step: Optimizer steps done, from 0.
            total: Optimizer steps of the whole run; below 1 if neither epochs nor steps bound it.
        """
        return warmup_cosine(
            step,
            total if total > 0 else math.inf,
            self.warmup_fraction,
            self.min_lr_fraction,
            self.decay_fraction,
        )
