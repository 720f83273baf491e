"""From (prompt, completion) to token ids and labels: the only place that masks.

Legend: N examples, S all tokens of all examples laid end to end.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

IGNORE_INDEX = -100
"""Label of a token that is not supervised; PyTorch's cross-entropy leaves it out."""

LossOn = Literal["completion", "all"]


@dataclass(frozen=True)
class Encoded:
    """N examples as flat arrays, so that a million of them cost no Python object each."""

    ids: NDArray[np.int32]
    """(S,) token ids, example after example; each is prompt, completion, stop token."""
    offsets: NDArray[np.int64]
    """(N + 1,) where each example begins in `ids`."""
    prompt_lengths: NDArray[np.int64]
    """(N,) tokens of each prompt."""

    def __len__(self) -> int:
        return len(self.prompt_lengths)

    @property
    def lengths(self) -> NDArray[np.int64]:
        """(N,) tokens of each example."""
        return np.diff(self.offsets)

    def example(self, index: int) -> NDArray[np.int32]:
        """Return the token ids of one example."""
        return self.ids[self.offsets[index] : self.offsets[index + 1]]

    def prompt(self, index: int) -> NDArray[np.int32]:
        """Return the token ids of one prompt."""
        start = self.offsets[index]
        return self.ids[start : start + self.prompt_lengths[index]]

    def take(self, keep: NDArray[np.bool_]) -> Encoded:
        """Return the examples where `keep`, (N,) bool, is true."""
        lengths = self.lengths
        offsets = np.concatenate([np.zeros(1, dtype=np.int64), np.cumsum(lengths[keep], dtype=np.int64)])
        return Encoded(self.ids[np.repeat(keep, lengths)], offsets, self.prompt_lengths[keep])

    @staticmethod
    def join(pieces: Sequence[Encoded]) -> Encoded:
        """Return the examples of all pieces, in order."""
        lengths = np.concatenate([piece.lengths for piece in pieces])
        offsets = np.concatenate([np.zeros(1, dtype=np.int64), np.cumsum(lengths, dtype=np.int64)])
        prompt_lengths = np.concatenate([piece.prompt_lengths for piece in pieces])
        return Encoded(np.concatenate([piece.ids for piece in pieces]), offsets, prompt_lengths)

    def labels(self, index: int, loss_on: LossOn = "completion") -> NDArray[np.int64]:
        """Return one example's labels, as long as its ids: `IGNORE_INDEX` where not supervised.

        The mask goes by position, never by id: pad, stop and begin may share one id (GPT-2, OPT), and a mask
        by id would hide the stop token, after which a model never stops.
        """
        labels = self.example(index).astype(np.int64)
        hidden = self.prompt_lengths[index] if loss_on == "completion" else 0
        labels[:hidden] = IGNORE_INDEX
        return labels


def encode(
    tokenizer: Any, prompts: Sequence[str], completions: Sequence[str], *, special_tokens: bool = True
) -> Encoded:
    """Tokenise prompts and completions apart, and join them.

    Apart, so that no BPE merge crosses the border and what is supervised is known by position. The completion
    gets no begin token (OPT would put a second `</s>` in the middle) and ends in the stop token.

    Args:
        tokenizer: A fast Hugging Face tokenizer with an end-of-sequence token.
        prompts: N texts.
        completions: N texts.
        special_tokens: Whether the prompt gets the tokenizer's begin token; a chat template has its own.

    Raises:
        ValueError: If the tokenizer has no end-of-sequence token.
    """
    stop = tokenizer.eos_token_id
    if stop is None:
        raise ValueError(
            f"The tokenizer {tokenizer.name_or_path!r} has no eos_token, so no model could learn to stop. Set one."
        )
    prompt_ids = _token_ids(tokenizer, prompts, special_tokens)
    completion_ids = _token_ids(tokenizer, completions, False)
    if special_tokens and len(prompt_ids) and _appends_stop(tokenizer):
        prompt_ids = [ids[:-1] for ids in prompt_ids]
    lengths = np.array(
        [len(p) + len(c) + 1 for p, c in zip(prompt_ids, completion_ids, strict=True)], dtype=np.int64
    )
    offsets = np.concatenate([np.zeros(1, dtype=np.int64), np.cumsum(lengths, dtype=np.int64)])
    flat = np.fromiter(
        (
            token
            for p, c in zip(prompt_ids, completion_ids, strict=True)
            for part in (p, c, (stop,))
            for token in part
        ),
        dtype=np.int32,
        count=int(offsets[-1]),
    )
    return Encoded(flat, offsets, np.array([len(ids) for ids in prompt_ids], dtype=np.int64))


def _token_ids(tokenizer: Any, texts: Sequence[str], special_tokens: bool) -> list[list[int]]:
    if not len(texts):
        return []
    return tokenizer(
        list(texts), add_special_tokens=special_tokens, return_attention_mask=False, verbose=False
    )["input_ids"]


def _appends_stop(tokenizer: Any) -> bool:
    """Whether the tokenizer itself ends a text with its stop token; a prompt must stay open."""
    ids = tokenizer("a")["input_ids"]
    return len(ids) > 1 and ids[-1] == tokenizer.eos_token_id
