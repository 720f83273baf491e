"""Keys and values of the rows that are decoded together, in reusable slots.

Letters in shapes: S slots, H attention heads, C columns of a buffer, D size of a head, K rows that move in.

All rows end in the same column, the newest; a row that started later, or is shorter, has blocked columns on its left.
So each step writes one column for all rows, a new row moves into a free slot without copying the others, and columns
that no row needs any more are dropped from the view.
"""

from __future__ import annotations

from typing import Any, cast

import torch
from torch import Tensor
from transformers.cache_utils import Cache, DynamicLayer

Layers = list[tuple[Tensor, Tensor]]
"""Keys and values of each layer, `(K, H, columns, D)` each."""

SPARE = 64
"""Columns allocated beyond those in use. After this many steps the columns in use are copied to new buffers;
`DynamicCache` copies all columns at every step."""


class SlotLayer(DynamicLayer):
    """One layer's keys and values; `keys` and `values` are views `(S, H, end - start, D)` of wider buffers."""

    def __init__(self, keys: Tensor, values: Tensor) -> None:
        """Keep two buffers `(S, H, C, D)`; their contents do not matter."""
        super().__init__()
        self.buffers = (keys, values)
        self.start = self.end = 0
        self.is_initialized = True
        self.show(0, 0)

    def show(self, start: int, end: int) -> None:
        """Set the columns in use."""
        self.start, self.end = start, end
        self.keys, self.values = (buffer[:, :, start:end] for buffer in self.buffers)

    def update(
        self, key_states: Tensor, value_states: Tensor, *args: Any, **kwargs: Any
    ) -> tuple[Tensor, Tensor]:
        """Write the next columns `(S, H, columns, D)` in place, and return all columns in use."""
        end = self.end + key_states.shape[-2]
        for buffer, states in zip(self.buffers, (key_states, value_states), strict=True):
            buffer[:, :, self.end : end] = states
        self.show(self.start, end)
        return cast(Tensor, self.keys), cast(Tensor, self.values)

    def move_in(self, slots: Tensor, rows: tuple[Tensor, Tensor], source: Tensor) -> None:
        """Copy the columns `source` `(K, columns)` of keys and values to slots `(K,)`, ending at the newest column."""
        number = torch.arange(len(source), device=source.device)[:, None]
        for buffer, states in zip(self.buffers, rows, strict=True):
            moved = states[number, :, source]  # (K, columns, H, D)
            buffer[slots, :, self.end - source.shape[1] : self.end] = moved.transpose(1, 2)

    def repack(self, slots: Tensor | None, offset: int) -> None:
        """Copy the columns in use of some slots (None: all) to new buffers, `offset` columns from their left."""
        keys, values = (
            _repacked(buffer, slots, self.start, self.end, offset, fill=0.0) for buffer in self.buffers
        )
        self.buffers = (keys, values)
        self.show(offset, offset + self.end - self.start)


class SlotCache(Cache):
    """The cache of all layers, with a mask of the columns that each row may attend to."""

    def __init__(self, slots: int, like: Layers, dtype: torch.dtype) -> None:
        """Create a cache of empty slots.

        Args:
            slots: Most rows.
            like: The same decoder's keys and values of the first rows that will move in, for their shapes.
            dtype: Type of the mask: the type of the decoder's weights.
        """
        self.slot_layers = [
            SlotLayer(*(states.new_empty(slots, states.shape[1], 0, states.shape[3]) for states in layer))
            for layer in like
        ]
        super().__init__(layers=list(self.slot_layers))
        self.lowest = torch.finfo(dtype).min
        self.blocked = torch.empty((slots, 0), dtype=dtype, device=like[0][0].device)
        """`(S, C)`: 0 where a row may attend, the lowest number elsewhere."""
        self.start = self.end = 0

    def narrow(self, columns: int) -> None:
        """Drop all but the newest columns."""
        self._show(self.end - columns, self.end)

    def move_in(self, slots: Tensor, rows: Layers, lengths: Tensor) -> None:
        """Move rows into free slots.

        Args:
            slots: `(K,)` int64; their previous rows are overwritten.
            rows: The rows' keys and values, padded on the right.
            lengths: `(K,)` int64, number of columns of each row without padding.
        """
        width = rows[0][0].shape[2]
        if width > self.end:
            self.repack(columns=width)
        first = self.end - width
        source = torch.arange(width, device=slots.device) - (width - lengths)[:, None]
        self.blocked[slots] = self.lowest
        self.blocked[slots, first : self.end] = (source < 0).to(self.blocked) * self.lowest
        self._show(min(self.start, first), self.end)
        for layer, row in zip(self.slot_layers, rows, strict=True):
            layer.move_in(slots, row, source.clamp(min=0))

    def open_column(self) -> Tensor:
        """Unblock the column that the next step writes, for all rows; return the mask `(S, columns)` of all columns in use."""
        if self.end == self.blocked.shape[1]:
            self.repack()
        self.blocked[:, self.end] = 0
        self.end += 1  # the layers follow when the decoder updates them
        return self.blocked[:, self.start : self.end].contiguous()

    def repack(self, slots: Tensor | None = None, columns: int = 0) -> None:
        """Copy the columns in use of some slots `(K,)` (None: all) to new buffers with room for more columns.

        Args:
            slots: The slots to keep; others are dropped.
            columns: Columns, used or not, that must fit up to the newest one.
        """
        offset = max(0, columns - (self.end - self.start))
        for layer in self.slot_layers:
            layer.repack(slots, offset)
        mask = self.blocked[:, None, :, None]
        self.blocked = _repacked(mask, slots, self.start, self.end, offset, fill=self.lowest)[:, 0, :, 0]
        self.start, self.end = offset, offset + self.end - self.start

    def _show(self, start: int, end: int) -> None:
        self.start, self.end = start, end
        for layer in self.slot_layers:
            layer.show(start, end)


def _repacked(buffer: Tensor, slots: Tensor | None, start: int, end: int, offset: int, fill: float) -> Tensor:
    """Return a new buffer with the columns from `start` to `end` of some slots of a buffer `(S, H, C, D)`.

    The `offset` columns on the left get the value `fill`, because blocked columns are multiplied by 0 and must hold numbers.
    The `SPARE` columns on the right are written before they are read.
    """
    used = buffer[:, :, start:end] if slots is None else buffer[slots, :, start:end]
    width = offset + end - start
    new = buffer.new_empty(len(used), buffer.shape[1], width + SPARE, buffer.shape[3])
    new[:, :, :offset] = fill
    new[:, :, offset:width] = used
    return new
