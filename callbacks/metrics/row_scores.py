"""Scores with one slot per row, so that every row counts once on any number of ranks."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor
from torchmetrics import Metric


class RowScores(Metric):
    """A table with a slot for every evaluated row, filled by whichever rank sees the row.

    Samplers pad or repeat rows so that all ranks get equally many batches; a sum over ranks would count
    those rows twice. Slots avoid this: a row seen twice is written to the same slot, and ranks are merged by
    the maximum over slots, which start at minus infinity.

    Args:
        num_rows: Number of rows over all ranks; row indices are 0 to `num_rows` - 1.
        num_columns: Number of scores per row.

    Attributes:
        values: `(num_rows, num_columns)` float32, minus infinity where nothing was written.
    """

    full_state_update = False
    higher_is_better = None
    is_differentiable = False
    values: Tensor

    def __init__(self, num_rows: int, num_columns: int) -> None:
        super().__init__()
        self.add_state("values", torch.full((num_rows, num_columns), -torch.inf), dist_reduce_fx="max")

    def update(self, row_index: Tensor, values: Tensor) -> None:
        """Write the scores of some rows.

        Args:
            row_index: `(B,)` int64 indices of the rows; -1 marks filler rows, which are ignored.
            values: `(B, num_columns)` scores, none of them nan, or minus infinity where a score does not apply to a row.
        """
        assert values.shape == (len(row_index), self.values.shape[1]), f"unexpected shape {values.shape}"
        assert not values.isnan().any(), "scores are numbers, or minus infinity for none"
        assert row_index.numel() == 0 or int(row_index.max()) < len(self.values), "row index out of range"
        real = row_index >= 0
        slots = row_index[real].unsqueeze(1).expand(-1, self.values.shape[1])
        self.values = self.values.scatter_reduce(0, slots, values[real].to(self.values), reduce="amax")

    def compute(self) -> Tensor:
        """Return the `(n, num_columns)` scores of the `n` rows that any rank has seen, in index order."""
        return self.values[(self.values != -torch.inf).any(dim=1)]


def merge_scores(index: Tensor, values: Tensor, num_rows: int, device: torch.device) -> np.ndarray:
    """Return the scores of all ranks' rows, `(n, columns)` float64 in index order, nan where a score does not apply.

    Every rank must call it.

    Args:
        index: `(B,)` int64, this rank's row indices.
        values: `(B, columns)` their scores, as `RowScores.update` takes them.
        num_rows: Number of rows over all ranks.
        device: Where ranks exchange tensors.
    """
    metric = RowScores(num_rows, values.shape[1]).to(device)
    metric.update(index.to(device), values.to(device))
    merged: np.ndarray = metric.compute().cpu().double().numpy()
    merged[np.isneginf(merged)] = np.nan
    return merged
