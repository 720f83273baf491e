"""Where in its epochs a fit stands, and what its checkpoints take for granted."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from lightning.pytorch.utilities.rank_zero import rank_zero_info

from datamodules.epoch_checks import check_position
from datamodules.texts.contents import Contents, find_changed

_OTHER_KEYS = ("contents", "mixing")
"""What a data module's state holds beside its position."""


def find_position(trainer: Any) -> tuple[int, int]:
    """Return the epoch in which a trainer stands, and the batches that a rank has trained on within it."""
    loop = trainer.fit_loop
    epochs, done = loop.epoch_progress.current, loop.epoch_loop.batch_progress
    # Where a run ends within an epoch, Lightning counts the epoch as processed, but not yet as completed.
    ended = done.is_last_batch or done.current.ready >= trainer.num_training_batches
    epoch = epochs.processed if ended else epochs.completed
    # A batch is processed before the hooks that end it, and Lightning goes on after it from a checkpoint of theirs.
    return epoch, done.current.processed if epochs.started > epoch else 0


class FitPosition:
    """The position that a fit goes on from; the first batch of the first epoch without a checkpoint.

    Attributes:
        contents: What this fit's checkpoints take for granted; empty outside a fit.
    """

    def __init__(self) -> None:
        self.contents: Contents = {}
        self._position: dict[str, int] = {"epoch": 0, "batches": 0}
        self._saved_contents: Contents = {}

    def take(self, state: Mapping[str, Any]) -> None:
        """Go on from a checkpoint's state of the data module; name what differs from the checkpoint's."""
        self._position = {name: state[name] for name in state if name not in _OTHER_KEYS}
        if not self.contents:  # not a fit
            return
        self._saved_contents = state.get("contents", {})
        changed = find_changed(self._saved_contents, self.contents)
        if changed and not self._position["batches"]:
            rank_zero_info(f"Resuming with other content than the checkpoint's: {', '.join(changed)}.")

    def check(self, batches: Mapping[str, int], overfits: bool) -> dict[str, int]:
        """Return the position, if this run can go on from it.

        Args:
            batches: What the batches of an epoch depend on, in this run.
            overfits: Whether `--trainer.overfit_batches` is set.

        Raises:
            ValueError: If the checkpoint was saved within an epoch and something differs.
        """
        now = {**self._position, **batches}
        check_position(self._position, now, self._saved_contents, self.contents, overfits)
        return self._position
