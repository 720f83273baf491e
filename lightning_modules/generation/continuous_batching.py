"""Decode many prompts in a few slots: when a row finishes, the next one takes its slot. Pure torch and transformers.

Letters in shapes: N prompts, P tokens of the longest prompt, T generated tokens, S slots, K rows that move in,
V vocabulary rows.

`transformers.generate` runs a batch until its longest answer is done, and copies all keys and values at each step.
Here waiting rows of similar length replace finished rows, columns that only finished rows needed are dropped, and a
prefix that all prompts share is encoded once.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor
from transformers import PreTrainedModel
from transformers.cache_utils import DynamicCache

from lightning_modules.decoder.forward import logits_at, widened
from lightning_modules.decoder.packing_support import ATTENTIONS
from lightning_modules.decoder.shared_prefix import SHARED_TOKENS, encode_prefix
from lightning_modules.generation.kv_cache import Layers, SlotCache

DECODABLE = ("bloom", "gpt2", "gpt_bigcode", "gpt_neo", "gpt_neox", "llama", "opt", "qwen3")
"""Architectures for which tests show that each row gets the same text as from transformers' own generation of that row
alone. Gemma 3 is excluded, because a given mask replaces its sliding window."""
FREE_SHARE = 0.125
"""Share of the slots that must be free before new rows move in or, without waiting rows, the slots are compacted."""
CHECK_STEPS = 8
"""On a GPU, steps between two checks for finished rows."""

Chooser = Callable[[Tensor, Tensor, Tensor, Tensor], tuple[Tensor, Tensor]]
"""Takes logits `(B, V)`, rows `(B,)`, steps `(B,)` and last tokens `(B,)` (-1 in step 0); returns tokens `(B,)` and their
log-probabilities `(B,)`."""


def can_decode(decoder: PreTrainedModel) -> bool:
    """Return whether `decode` supports a decoder."""
    config = decoder.config
    full = set(getattr(config, "layer_types", None) or ["full_attention"]) == {"full_attention"}
    return config.model_type in DECODABLE and config._attn_implementation in ATTENTIONS and full


def runs_ahead(device: torch.device) -> bool:
    """Return whether a device runs a queue of operations, as GPUs do, so that reading a result waits for it."""
    return device.type != "cpu"


def decode(
    decoder: PreTrainedModel,
    prompt_ids: Tensor,
    lengths: Tensor,
    room: Tensor,
    choose: Chooser,
    stop: int,
    slots: int,
) -> tuple[Tensor, Tensor]:
    """Generate a completion for each prompt.

    In fp32 a row's completion does not depend on the other rows, the number of slots or the order.

    Args:
        decoder: A causal language model in eval mode, see `can_decode`.
        prompt_ids: `(N, P)` int64, padded on the right.
        lengths: `(N,)` int64, number of tokens of each prompt, at least 1.
        room: `(N,)` int64, most tokens to generate for each prompt.
        choose: Chooses the next tokens.
        stop: The stop token: a row is finished when it is chosen. It is part of the completion.
        slots: Rows decoded at once.

    Returns:
        The tokens `(N, T)` int64, -1 after a row's last token, and their log-probabilities `(N, T)`, 0 after it, in
        float32, or in float64 for a decoder in float64.
    """
    return _Decoding(decoder, prompt_ids, lengths, room, choose, stop).run(min(slots, len(prompt_ids)))


@dataclass
class _Slots:
    """The rows in the slots; each tensor is `(S,)`."""

    row: Tensor
    """Index among the N prompts."""
    token: Tensor
    """The newest token, which the decoder has not processed yet; -1 before the first one."""
    position: Tensor
    """Position of that token in its row, from 0; also the number of the row's cached tokens."""
    age: Tensor
    """Number of generated tokens."""
    done: Tensor
    """Whether the row is finished; further results for it are discarded."""

    def put(self, slots: Tensor, new: _Slots) -> None:
        """Replace the rows in some slots."""
        for name, values in vars(new).items():
            getattr(self, name)[slots] = values

    def take(self, slots: Tensor) -> _Slots:
        """Return the rows in some slots."""
        return _Slots(*(values[slots] for values in vars(self).values()))


class _Decoding:
    def __init__(
        self,
        decoder: PreTrainedModel,
        prompt_ids: Tensor,
        lengths: Tensor,
        room: Tensor,
        choose: Chooser,
        stop: int,
    ) -> None:
        self.decoder, self.prompt_ids, self.lengths, self.room = decoder, prompt_ids, lengths, room
        self.choose, self.stop = choose, stop
        self.takes_positions = "position_ids" in inspect.signature(decoder.forward).parameters
        ahead = runs_ahead(prompt_ids.device)
        self.check_steps = CHECK_STEPS if ahead else 1
        # finished rows write to the last column, which is discarded
        shape = (len(prompt_ids), int(room.max()) + 1)
        self.ids = prompt_ids.new_full(shape, -1)
        # With 16-true and the like, Lightning changes PyTorch's default type.
        self.log_prob = torch.zeros(shape, dtype=widened(decoder.dtype), device=prompt_ids.device)
        # On a CPU the cost of a step grows with its rows and columns: rows of similar length run together, short ones first.
        # On a GPU all steps cost about the same: long rows run first, so that fewer steps are needed.
        self.waiting = torch.argsort(lengths, descending=ahead, stable=True)
        self.prefix, self.shared = self._encode_prefix()

    def run(self, slots: int) -> tuple[Tensor, Tensor]:
        rows, filled = self._begin(slots)
        cache = SlotCache(slots, like=filled, dtype=self.decoder.dtype)
        cache.move_in(torch.arange(slots, device=self.ids.device), filled, rows.position)
        del filled
        step = 0
        while True:
            if step % self.check_steps == 0:
                live, columns = torch.stack([(~rows.done).sum(), (rows.position * ~rows.done).max()]).tolist()
                if not live and not len(self.waiting):
                    break
                cache.narrow(columns)
                if len(rows.row) - live >= max(1, FREE_SHARE * len(rows.row)):
                    rows = self._refill(rows, cache)
            self._record(self._step(rows, cache), rows)
            step += 1
        return self.ids[:, :-1], self.log_prob[:, :-1]

    def _refill(self, rows: _Slots, cache: SlotCache) -> _Slots:
        """Move waiting rows into the free slots; if no row waits, drop the free slots."""
        if not len(self.waiting):
            live = (~rows.done).nonzero()[:, 0]
            cache.repack(live)
            return rows.take(live)
        free = rows.done.nonzero()[:, 0][: len(self.waiting)]
        new, filled = self._begin(len(free))
        cache.move_in(free, filled, new.position)
        rows.put(free, new)
        return rows

    def _begin(self, count: int) -> tuple[_Slots, Layers]:
        """Start waiting rows; return them with their first token, and their keys and values.

        They are padded on the right, because such padding needs no mask.
        """
        row, self.waiting = self.waiting[:count], self.waiting[count:]
        lengths = self.lengths[row]
        ids = self.prompt_ids[row, self.shared : int(lengths.max())]
        cache = DynamicCache()
        for number, (keys, values) in enumerate(self.prefix):
            cache.update(keys.expand(count, -1, -1, -1), values.expand(count, -1, -1, -1), number)
        last = torch.arange(count, device=row.device) * ids.shape[1] + lengths - self.shared - 1
        logits = logits_at(self.decoder, last, input_ids=ids, past_key_values=cache, use_cache=True)
        nothing = torch.zeros_like(row)
        new = _Slots(row, nothing - 1, lengths - 1, nothing, nothing.bool())
        self._record(logits, new)
        return new, _layers(cache)

    def _step(self, rows: _Slots, cache: SlotCache) -> Tensor:
        """Run the decoder on the newest token of each row; return the logits `(S, V)` of the next token."""
        mask = cache.open_column()
        inputs = (
            {"attention_mask": mask[:, None, None], "position_ids": rows.position[:, None]}
            if self.takes_positions
            else {"attention_mask": (mask == 0).long()}  # BLOOM computes its positions itself
        )
        output = self.decoder(input_ids=rows.token[:, None], past_key_values=cache, use_cache=True, **inputs)
        return output.logits[:, -1]

    def _record(self, logits: Tensor, rows: _Slots) -> None:
        """Choose the next tokens and store them."""
        step = rows.age.clamp(max=self.ids.shape[1] - 2)  # a finished row may already have T tokens
        rows.token, log_prob = self.choose(logits, rows.row, step, rows.token)
        column = rows.age.masked_fill(rows.done, self.ids.shape[1] - 1)
        self.ids[rows.row, column] = rows.token
        self.log_prob[rows.row, column] = log_prob
        running = (~rows.done).long()
        rows.age = rows.age + running
        rows.position = rows.position + running
        rows.done = rows.done | (rows.token == self.stop) | (rows.age >= self.room[rows.row])

    def _encode_prefix(self) -> tuple[Layers, int]:
        """Encode the common prefix of all prompts; return the keys and values of each layer, and the prefix length."""
        shortest = int(self.lengths.min()) - 1  # the logits of a prompt's last token begin its answer
        same = (self.prompt_ids[:, :shortest] == self.prompt_ids[:1, :shortest]).all(dim=0)
        shared = int(same.long().cumprod(dim=0).sum())
        if shared < SHARED_TOKENS or len(self.prompt_ids) == 1:
            return [], 0
        ids = self.prompt_ids[:1, :shared]
        return _layers(encode_prefix(self.decoder, ids)), shared


def _layers(cache: DynamicCache) -> Layers:
    return [(keys, values) for keys, values, *_ in cache]
