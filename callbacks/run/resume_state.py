"""The state beyond Lightning's own that a checkpoint needs to resume as if the run had never stopped. Functions only.

All values are tensors and plain values, since nothing else can be read back with `weights_only=True`.
"""

from __future__ import annotations

import random
from typing import Any, Literal

import numpy as np
import torch

Moment = Literal["epoch", "batch", "validation", "stop", "validated"]
"""What a checkpoint is written right before: an epoch (or the end of training), a training batch, or a validation.

Two more where a run ends within an epoch: before a validation that only the end brings (`stop`), or, like `batch`, right after
a validation that was due (`validated`).
"""
Rng = dict[str, Any]


def rng_state(device: torch.device) -> Rng:
    """Return the states of this process's random number generators: PyTorch (CPU and device), NumPy and Python."""
    version, internal, gauss = random.getstate()
    _, keys, place, has_gauss, cached = np.random.get_state(legacy=True)  # noqa: NPY002 seed_everything sets this one
    return {
        "torch": torch.get_rng_state(),
        "device": torch.cuda.get_rng_state(device) if device.type == "cuda" else None,
        "numpy": [torch.from_numpy(np.asarray(keys, dtype=np.int64)), int(place), int(has_gauss), float(cached)],
        "python": [version, torch.tensor(internal), gauss],
    }  # fmt: skip


def set_rng_state(state: Rng, device: torch.device) -> None:
    """Restore the states that `rng_state` returned; without a GPU, a GPU's state is ignored."""
    torch.set_rng_state(state["torch"])
    if state["device"] is not None and device.type == "cuda":
        torch.cuda.set_rng_state(state["device"], device)
    keys, place, has_gauss, cached = state["numpy"]
    np.random.set_state(("MT19937", keys.numpy().astype(np.uint32), place, has_gauss, cached))  # noqa: NPY002
    version, internal, gauss = state["python"]
    random.setstate((version, tuple(internal.tolist()), gauss))


def settle_loops(loops: dict[str, Any], moment: Moment) -> None:
    """Reset the counters of the epoch, batch or validation that has just begun, so that Lightning runs it on resume.

    Lightning derives where a run stopped from the differences between its counters (ready, started, processed,
    completed), and supports only its own moments; at the last batch of an epoch it assumes that validation is done.

    Args:
        loops: `checkpoint["loops"]["fit_loop"]`; changed in place.
        moment: What the checkpoint is written right before.
    """
    validation = loops["epoch_loop.val_loop.batch_progress"]
    for scope in ("total", "current"):
        _level(loops["epoch_loop.batch_progress"][scope])
        epochs = loops["epoch_progress"][scope]
        if moment == "epoch":
            _level(epochs)
        else:  # Lightning counts an epoch as processed where a run ends within it
            epochs["processed"] = epochs["completed"]
        # Lightning runs a validation next if one of its batches has started but is not processed.
        begun = int(moment == "validation")
        validation[scope].update(ready=begun, started=begun, processed=0, completed=0)
    validation["is_last_batch"] = False
    # Lightning counts a step after its validation, and, on resume, once more where a validation was due.
    counted = {"stop": 1, "validated": -1}.get(moment, 0)
    if counted:
        loops["epoch_loop.state_dict"]["_batches_that_stepped"] += counted


def _level(counters: dict[str, int]) -> None:
    counters.update(dict.fromkeys(counters, counters["completed"]))
