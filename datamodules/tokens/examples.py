"""From (prompt, completion) to token ids and labels: the only place that masks.

Legend: N examples, S all tokens of all examples laid end to end.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from itertools import chain
from typing import Any, Literal

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from datamodules.storage.text_columns import TextColumn, gather

IGNORE_INDEX = -100
"""Label of a token that is not supervised; PyTorch's cross-entropy leaves it out."""

LossOn = Literal["completion", "all"]

_TEXTS_AT_ONCE = 8_192  # keeps the tokenizer's objects, some kilobytes a text, few at a time
_ROWS_AT_ONCE = 50_000  # the same for the 8-byte places of each token


@dataclass(frozen=True)
class Tokens:
    """The tokens of M texts as flat arrays."""

    ids: NDArray[Any]
    """Token ids, text after text."""
    offsets: NDArray[np.int64]
    """(M + 1,) where each text begins in `ids`."""

    @property
    def lengths(self) -> NDArray[np.int64]:
        """(M,) tokens of each text."""
        return np.diff(self.offsets)

    def without_last(self) -> Tokens:
        """Return the texts without their last tokens; none may be empty."""
        return Tokens(np.delete(self.ids, self.offsets[1:] - 1), self.offsets - np.arange(len(self.offsets)))


@dataclass(frozen=True)
class Encoded:
    """N examples as flat arrays, so that a million of them cost no Python object each.

    Examples:
        >>> encoded = Encoded(np.array([7, 8, 1, 9, 5, 6, 1]), offsets=np.array([0, 3, 7]), prompt_lengths=np.array([1, 2]))
        >>> encoded.example(1).tolist(), encoded.prompt(1).tolist(), encoded.labels(1).tolist()
        ([9, 5, 6, 1], [9, 5], [-100, -100, 6, 1])
    """

    ids: NDArray[Any]
    """(S,) token ids, example after example; each is prompt, completion, stop token. uint16 where the vocabulary has
    at most 65,536 tokens, else int32."""
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

    def example(self, index: int) -> NDArray[Any]:
        """Return the token ids of one example."""
        return self.ids[self.offsets[index] : self.offsets[index + 1]]

    def prompt(self, index: int) -> NDArray[Any]:
        """Return the token ids of one prompt."""
        start = self.offsets[index]
        return self.ids[start : start + self.prompt_lengths[index]]

    def take(self, keep: NDArray[np.bool_]) -> Encoded:
        """Return the examples where `keep`, (N,) bool, is true."""
        lengths = self.lengths
        offsets = np.concatenate([np.zeros(1, dtype=np.int64), np.cumsum(lengths[keep], dtype=np.int64)])
        return Encoded(self.ids[np.repeat(keep, lengths)], offsets, self.prompt_lengths[keep])

    def pick(self, rows: NDArray[np.int64]) -> Encoded:
        """Return examples by their numbers, (M,), in that order."""
        places, offsets = gather(self.offsets, rows)
        return Encoded(self.ids[places], offsets, self.prompt_lengths[rows])

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
        prompts: N texts; in a `TextColumn` each string is tokenised once.
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
    asked, answered = TextColumn.of(prompts), TextColumn.of(completions)
    assert len(asked) == len(answered), f"{len(asked)} prompts and {len(answered)} completions"
    before = tokenize(tokenizer, asked.values, special_tokens)
    if special_tokens and len(asked) and _appends_stop(tokenizer):
        before = before.without_last()
    after = tokenize(tokenizer, answered.values, False)
    return _lay(before, asked.codes, after, answered.codes, stop)


def _lay(
    before: Tokens, prompts: NDArray[np.integer], after: Tokens, completions: NDArray[np.integer], stop: int
) -> Encoded:
    """Lay N examples end to end: tokens of a prompt, of a completion, and the stop token.

    Args:
        before: The tokens of each different prompt.
        prompts: (N,) which of them each example has.
        after: The tokens of each different completion.
        completions: (N,) which of them each example has.
        stop: The stop token.
    """
    prompt_lengths = before.lengths[prompts]
    lengths = prompt_lengths + after.lengths[completions] + 1
    offsets = np.concatenate([np.zeros(1, dtype=np.int64), np.cumsum(lengths, dtype=np.int64)])
    ids = np.empty(offsets[-1], dtype=before.ids.dtype)
    for first in range(0, len(prompts), _ROWS_AT_ONCE):
        rows = slice(first, first + _ROWS_AT_ONCE)
        part = ids[offsets[first] : offsets[min(first + _ROWS_AT_ONCE, len(prompts))]]
        ends = np.cumsum(lengths[rows])
        supervised = np.repeat(np.tile([False, True], len(ends)), _pairs(prompt_lengths[rows], lengths[rows]))
        part[~supervised] = before.ids[gather(before.offsets, prompts[rows])[0]]
        supervised[ends - 1] = False
        part[supervised] = after.ids[gather(after.offsets, completions[rows])[0]]
        part[ends - 1] = stop
    return Encoded(ids, offsets, prompt_lengths)


def _pairs(prompt_lengths: NDArray[np.int64], lengths: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return prompt, rest, prompt, rest, ... in tokens."""
    return np.stack([prompt_lengths, lengths - prompt_lengths], axis=1).ravel()


def tokenize(tokenizer: Any, texts: pa.LargeStringArray, special_tokens: bool) -> Tokens:
    """Return the tokens of each text, as calling the tokenizer would give them.

    A fast tokenizer works in Rust on all cores and hands over one list a text, so no Python statement runs per row; one
    that is written in Python, or puts its own method over the common one, is called as it is.
    """
    # Numbers may leave gaps, so the count alone does not tell the largest.
    small = len(tokenizer) <= 1 << 16 and max(tokenizer.get_vocab().values()) < 1 << 16
    kind: Any = np.uint16 if small else np.int32
    starts = range(0, len(texts), _TEXTS_AT_ONCE)
    encode_chunk = _fast_encoder(tokenizer, special_tokens) if len(texts) else None
    if encode_chunk is None:
        lists = [
            _call(tokenizer, texts[start : start + _TEXTS_AT_ONCE].to_pylist(), special_tokens)
            for start in starts
        ]
        pieces = [_flatten(chunk, kind) for chunk in lists]
    else:
        # Said aloud, a later fork (a loader's worker, which only collates) is no reason for the library to warn.
        os.environ.setdefault("TOKENIZERS_PARALLELISM", "true")

        def work(start: int) -> tuple[NDArray[Any], NDArray[np.int64]]:
            assert encode_chunk is not None
            encodings = encode_chunk(texts[start : start + _TEXTS_AT_ONCE].to_pylist())
            return _flatten([encoding.ids for encoding in encodings], kind)

        # Two at a time: while one chunk is in Rust, the other's lists become an array.
        with ThreadPoolExecutor(2) as threads:
            pieces = list(threads.map(work, starts))
    ids = np.concatenate([np.zeros(0, dtype=kind), *(piece for piece, _ in pieces)])
    lengths = np.concatenate([np.zeros(1, dtype=np.int64), *(counts for _, counts in pieces)])
    return Tokens(ids, np.cumsum(lengths, dtype=np.int64))


def _flatten(lists: Sequence[Sequence[int]], kind: Any) -> tuple[NDArray[Any], NDArray[np.int64]]:
    """Return lists of numbers as one array, and their lengths."""
    lengths = np.fromiter(map(len, lists), dtype=np.int64, count=len(lists))
    return np.fromiter(chain.from_iterable(lists), dtype=kind, count=int(lengths.sum())), lengths


def _call(tokenizer: Any, texts: list[str], special_tokens: bool) -> list[list[int]]:
    ids: list[list[int]] = tokenizer(
        texts, add_special_tokens=special_tokens, return_attention_mask=False, verbose=False
    )["input_ids"]
    return ids


def _fast_encoder(tokenizer: Any, special_tokens: bool) -> Callable[[list[str]], list[Any]] | None:
    """Return what encodes a list of texts in Rust, or None where that could differ from calling the tokenizer."""
    from transformers import PreTrainedTokenizerFast

    plain = isinstance(tokenizer, PreTrainedTokenizerFast) and all(
        getattr(type(tokenizer), name) is getattr(PreTrainedTokenizerFast, name)
        for name in ("__call__", "_encode_plus")
    )
    if not plain:
        return None
    _call(tokenizer, ["a"], special_tokens)  # sets truncation, padding and special tokens as every call does
    return partial(tokenizer.backend_tokenizer.encode_batch_fast, add_special_tokens=special_tokens)


def _appends_stop(tokenizer: Any) -> bool:
    """Whether the tokenizer itself ends a text with its stop token; a prompt must stay open."""
    ids = tokenizer("a")["input_ids"]
    return len(ids) > 1 and ids[-1] == tokenizer.eos_token_id
