"""What a checkpoint needs beyond Lightning's own so that a run goes on as if it had never stopped. Functions only.

Everything is tensors and plain numbers: anything else could not be read back with `weights_only=True`.
"""

from __future__ import annotations

import random
from typing import Any, Literal

import numpy as np
import torch

Moment = Literal["epoch", "batch", "validation"]
"""Before what a checkpoint is written: an epoch (or the end of training), a training batch, or a validation."""
Rng = dict[str, Any]


def rng_state(device: torch.device) -> Rng:
    """Return the states of all random numbers of this process: PyTorch's (and of its device), NumPy's and Python's."""
    version, words, gauss = random.getstate()
    _, keys, place, has_gauss, cached = np.random.get_state(legacy=True)  # noqa: NPY002 what seed_everything sets
    return {
        "torch": torch.get_rng_state(),
        "device": torch.cuda.get_rng_state(device) if device.type == "cuda" else None,
        "numpy": [torch.from_numpy(np.asarray(keys, dtype=np.int64)), int(place), int(has_gauss), float(cached)],
        "python": [version, torch.tensor(words), gauss],
    }  # fmt: skip


def set_rng_state(state: Rng, device: torch.device) -> None:
    """Put back what `rng_state` returned; a state of a GPU is left out where there is none."""
    torch.set_rng_state(state["torch"])
    if state["device"] is not None and device.type == "cuda":
        torch.cuda.set_rng_state(state["device"], device)
    keys, place, has_gauss, cached = state["numpy"]
    np.random.set_state(("MT19937", keys.numpy().astype(np.uint32), place, has_gauss, cached))  # noqa: NPY002
    version, words, gauss = state["python"]
    random.setstate((version, tuple(words.tolist()), gauss))


def settle_loops(loops: dict[str, Any], moment: Moment) -> None:
    """Write down in a checkpoint's loops that the last thing begun has not been, so that Lightning does it next.

    Lightning tells from the differences between its counters (ready, started, processed, completed) where a run
    stopped, and knows moments of its own only; at the last batch of an epoch it takes the validation for done.

    Args:
        loops: `checkpoint["loops"]["fit_loop"]`; changed in place.
        moment: Before what the checkpoint is written.
    """
    validation = loops["epoch_loop.val_loop.batch_progress"]
    for scope in ("total", "current"):
        _level(loops["epoch_loop.batch_progress"][scope])
        if moment == "epoch":
            _level(loops["epoch_progress"][scope])
        # One batch started and not processed is what Lightning takes for a validation to be done.
        begun = int(moment == "validation")
        validation[scope].update(ready=begun, started=begun, processed=0, completed=0)
    validation["is_last_batch"] = False


def _level(counters: dict[str, int]) -> None:
    counters.update(dict.fromkeys(counters, counters["completed"]))
