"""Keep an exponential average of the trained weights. Evaluation, checkpoints and the exported folder have the average.

Lightning's WeightAveraging copies the frozen weights, too, and lets rounding change them (0.999 x + 0.001 x is not x). It
averages on the CPU what trains on a GPU, has no warm-up, and leaves the average out of checkpoints of weights only.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn
from torch.optim.swa_utils import get_ema_multi_avg_fn

from lightning_modules.decoder.sharding import collect, share_out

KEY = "weight_average"
"""The checkpoint's entry of what training goes on with: its `state_dict` has the average, this one the `trained` weights
by name, and the number of `steps` in the average."""


def check_decay(decay: float | None) -> None:
    """Raise ValueError if no average can have this decay.

    Examples:
        >>> check_decay(99.9)
        Traceback (most recent call last):
        ValueError: Expected --model.average_weights to be above 0 and below 1, such as 0.999, but got 99.9.
    """
    if decay is not None and not 0 < decay < 1:
        raise ValueError(
            f"Expected --model.average_weights to be above 0 and below 1, such as 0.999, but got {decay}."
        )


def decay_at(step: int, decay: float) -> float:
    """Return the share of the average that the `step`-th optimizer step (from 1) leaves in it.

    It grows as in TensorFlow's ExponentialMovingAverage, or the weights before training would count for thousands of steps: at
    0.999 still a third after 1,000 steps. So an average never reaches back much further than a ninth of the steps.

    Examples:
        >>> [round(decay_at(step, 0.999), 3) for step in (1, 10, 1000, 100_000)]
        [0.182, 0.55, 0.991, 0.999]
    """
    return min(decay, (1 + step) / (10 + step))


class WeightAverage:
    """The average of a fit's trained weights, updated after each optimizer step.

    Args:
        decay: The share of the average that a step leaves in it, once warmed up; None keeps no average.
    """

    def __init__(self, decay: float | None) -> None:
        check_decay(decay)
        self.decay, self.steps = decay, 0
        self.is_shown = False
        """Whether the module has the average, and `_averages` the trained weights."""
        self._names: dict[str, int] = {}
        """Names of the trained weights, tied ones under each of theirs, and their places in the two lists."""
        self._weights: list[nn.Parameter] = []
        self._averages: list[Tensor] = []
        self._restored: dict[str, Tensor] = {}

    def take_from(self, checkpoint: dict[str, Any]) -> None:
        """Let a checkpoint's `state_dict` be the trained weights, and remember its average; before they are loaded.

        A checkpoint of a fit without an average has neither: the average begins with its weights.
        """
        saved = checkpoint.get(KEY)
        if saved is None:
            return
        state = checkpoint["state_dict"]
        self.steps, self._restored = saved["steps"], {name: state[name] for name in saved["trained"]}
        state.update(saved["trained"])

    def begin(self, module: nn.Module) -> None:
        """Begin with the weights of a module, or with the average of its checkpoint; when it is on its device.

        Raises:
            ValueError: If a weight has too few digits.
        """
        restored, self._restored = self._restored, {}
        if self.decay is None:
            return
        places: dict[int, int] = {}
        for name, weight in module.named_parameters(remove_duplicate=False):
            if not weight.requires_grad:
                continue
            if weight.dtype.itemsize < 4:
                raise ValueError(
                    "Expected --model.average_weights with weights of 32 bits (--trainer.precision 32-true or bf16-mixed), but "
                    f"got {weight.dtype}: a step would change the average by less than its last digit."
                )
            if id(weight) not in places:
                places[id(weight)] = len(self._weights)
                self._weights.append(weight)
                average = share_out(restored[name], weight) if name in restored else weight
                self._averages.append(average.detach().to(weight.device, copy=True))
            self._names[name] = places[id(weight)]

    @torch.no_grad()
    def update(self) -> None:
        """Add the weights after an optimizer step to the average."""
        if self.decay is None:
            return
        self.steps += 1
        average: Any = get_ema_multi_avg_fn(decay_at(self.steps, self.decay))
        average(self._averages, self._weights, self.steps)

    @torch.no_grad()
    def exchange(self) -> None:
        """Give the module the average, or, if it has that, the trained weights again."""
        for weight, average in zip(self._weights, self._averages, strict=True):
            kept = weight.clone()
            weight.copy_(average)
            average.copy_(kept)
        self.is_shown = not self.is_shown

    def add_to(self, checkpoint: dict[str, Any]) -> None:
        """Put the average into a checkpoint's `state_dict`, and the trained weights beside it; every rank must call it."""
        if self.decay is None:
            return
        state = checkpoint["state_dict"]
        averages = collect(self._averages, keep=bool(state))  # with shards only rank 0 has the weights
        other = {name: averages[place] for name, place in self._names.items()}
        trained = other if self.is_shown else {name: state[name] for name in other}
        if not self.is_shown:
            state.update(other)
        checkpoint[KEY] = {"steps": self.steps, "trained": trained}
