"""Lightning's counters of batches and epochs, as a checkpoint holds them."""

from __future__ import annotations

from typing import Any


def counters(ready: int, started: int, processed: int, completed: int) -> dict[str, int]:
    return {"ready": ready, "started": started, "processed": processed, "completed": completed}


def both(*numbers: int) -> dict[str, Any]:
    return {"total": counters(*numbers), "current": counters(*numbers)}


def loops() -> dict[str, Any]:
    """Lightning's counters in the third epoch, after the sixth batch was fetched."""
    return {
        "epoch_progress": both(3, 3, 2, 2),
        "epoch_loop.batch_progress": {**both(6, 5, 5, 5), "is_last_batch": False},
        "epoch_loop.state_dict": {"_batches_that_stepped": 6},
        "epoch_loop.val_loop.batch_progress": {**both(9, 9, 9, 9), "is_last_batch": True},
    }
