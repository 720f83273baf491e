"""From (prompt, completion) to token ids and labels: the only module that masks.

Legend: N examples, S tokens of all examples together.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from functools import partial
from itertools import chain
from typing import Any, Literal

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from datamodules.storage.text_columns import TextColumn, gather

IGNORE_INDEX = -100
"""Label of an unsupervised token; PyTorch's cross-entropy ignores it."""

LossOn = Literal["completion", "answers", "all"]

ANSWER_MARK = "\ue002"
"""A private-use character before and after each answer in a prompt, until the prompt is tokenised."""

_TEXTS_AT_ONCE = 8_192  # limits the memory of the tokenizer's objects, some kilobytes per text
_ROWS_AT_ONCE = 50_000  # limits the memory of token positions, 8 bytes per token


@dataclass(frozen=True)
class Tokens:
    """The tokens of M texts as flat arrays."""

    ids: NDArray[Any]
    """Token ids, text after text."""
    offsets: NDArray[np.int64]
    """(M + 1,) the start of each text in `ids`."""

    @property
    def lengths(self) -> NDArray[np.int64]:
        """(M,) the number of tokens of each text."""
        return np.diff(self.offsets)

    def without_last(self) -> Tokens:
        """Return the texts without their last tokens; none may be empty."""
        return Tokens(np.delete(self.ids, self.offsets[1:] - 1), self.offsets - np.arange(len(self.offsets)))


@dataclass(frozen=True)
class Encoded:
    """N examples as flat arrays, so that a million examples need no Python object each.

    Examples:
        >>> encoded = Encoded(np.array([7, 8, 1, 9, 5, 6, 1]), offsets=np.array([0, 3, 7]), prompt_lengths=np.array([1, 2]))
        >>> encoded.example(1).tolist(), encoded.prompt(1).tolist(), encoded.labels(1).tolist()
        ([9, 5, 6, 1], [9, 5], [-100, -100, 6, 1])
    """

    ids: NDArray[Any]
    """(S,) token ids, example after example; each is prompt, completion, stop token. uint16 if the vocabulary has at
    most 65,536 tokens, else int32."""
    offsets: NDArray[np.int64]
    """(N + 1,) the start of each example in `ids`."""
    prompt_lengths: NDArray[np.int64]
    """(N,) the number of tokens of each prompt."""
    answers: NDArray[np.bool_] | None = None
    """(S,) whether a token belongs to the answer of a demonstration; None if that is not known."""

    def __len__(self) -> int:
        return len(self.prompt_lengths)

    @property
    def lengths(self) -> NDArray[np.int64]:
        """(N,) the number of tokens of each example."""
        return np.diff(self.offsets)

    def example(self, index: int) -> NDArray[Any]:
        """Return the token ids of one example."""
        return self.ids[self.offsets[index] : self.offsets[index + 1]]

    def prompt(self, index: int) -> NDArray[Any]:
        """Return the token ids of one prompt."""
        start = self.offsets[index]
        return self.ids[start : start + self.prompt_lengths[index]]

    def take(self, keep: NDArray[np.bool_]) -> Encoded:
        """Return the examples for which `keep`, (N,) bool, is true."""
        lengths = self.lengths
        offsets = np.concatenate([np.zeros(1, dtype=np.int64), np.cumsum(lengths[keep], dtype=np.int64)])
        tokens = np.repeat(keep, lengths)
        answers = None if self.answers is None else self.answers[tokens]
        return Encoded(self.ids[tokens], offsets, self.prompt_lengths[keep], answers)

    def pick(self, rows: NDArray[np.int64]) -> Encoded:
        """Return the examples with the given numbers, (M,), in that order."""
        places, offsets = gather(self.offsets, rows)
        answers = None if self.answers is None else self.answers[places]
        return Encoded(self.ids[places], offsets, self.prompt_lengths[rows], answers)

    def prompts_only(self) -> Encoded:
        """Return the prompts alone: no token of them is supervised, unless all are."""
        places = np.arange(len(self.ids)) - np.repeat(self.offsets[:-1], self.lengths)
        kept = places < np.repeat(self.prompt_lengths, self.lengths)
        offsets = np.concatenate(
            [np.zeros(1, dtype=np.int64), np.cumsum(self.prompt_lengths, dtype=np.int64)]
        )
        answers = None if self.answers is None else self.answers[kept]
        return Encoded(self.ids[kept], offsets, self.prompt_lengths, answers)

    @staticmethod
    def join(pieces: Sequence[Encoded]) -> Encoded:
        """Return the examples of all pieces, in order."""
        lengths = np.concatenate([piece.lengths for piece in pieces])
        offsets = np.concatenate([np.zeros(1, dtype=np.int64), np.cumsum(lengths, dtype=np.int64)])
        prompt_lengths = np.concatenate([piece.prompt_lengths for piece in pieces])
        known = [piece.answers for piece in pieces if piece.answers is not None]
        answers = np.concatenate(known) if len(known) == len(pieces) > 0 else None
        return Encoded(np.concatenate([piece.ids for piece in pieces]), offsets, prompt_lengths, answers)

    def labels(self, index: int, loss_on: LossOn = "completion") -> NDArray[np.int64]:
        """Return one example's labels, one per token id: `IGNORE_INDEX` for unsupervised tokens.

        The mask depends on position, never on the id: the pad, stop and begin tokens may share one id (GPT-2, OPT). A mask
        by id would hide the stop token, and the model would never learn to stop.
        """
        labels = self.example(index).astype(np.int64)
        hidden = np.arange(len(labels)) < (0 if loss_on == "all" else self.prompt_lengths[index])
        if loss_on == "answers" and self.answers is not None:
            hidden &= ~self.answers[self.offsets[index] : self.offsets[index + 1]]
        labels[hidden] = IGNORE_INDEX
        return labels


def encode(
    tokenizer: Any,
    prompts: Sequence[str],
    completions: Sequence[str],
    *,
    special_tokens: bool = True,
    mark: str = "",
) -> Encoded:
    """Tokenise prompts and completions separately, and join them.

    Separate tokenisation prevents BPE merges across the boundary, so that positions determine which tokens are supervised.
    The completion gets no begin token (OPT would insert a second `</s>`) and ends in the stop token.

    Args:
        tokenizer: A fast Hugging Face tokenizer with an end-of-sequence token.
        prompts: N texts; in a `TextColumn` each string is tokenised once.
        completions: N texts.
        special_tokens: Whether the prompt gets the tokenizer's begin token; a chat template brings its own.
        mark: A character that stands before and after each answer in a prompt; it is taken out, and the answers are tokenised
            separately, too, and known by their positions.

    Raises:
        ValueError: If the tokenizer has no end-of-sequence token.
    """
    stop = tokenizer.eos_token_id
    if stop is None:
        raise ValueError(
            f"The tokenizer {tokenizer.name_or_path!r} has no eos_token, so no model could learn to stop. Set one."
        )
    prompt_column, completion_column = TextColumn.of(prompts), TextColumn.of(completions)
    assert len(prompt_column) == len(completion_column), (
        f"{len(prompt_column)} prompts and {len(completion_column)} completions"
    )
    after = tokenize(tokenizer, completion_column.values, False)
    if mark:
        before, of_prompts = _tokenize_marked(
            tokenizer, prompt_column.values.to_pylist(), special_tokens, mark
        )
        encoded = _lay(before, prompt_column.codes, after, completion_column.codes, stop)
        answers = np.zeros(len(encoded.ids), dtype=bool)
        shown = gather(before.offsets, prompt_column.codes)[0]
        within = np.arange(len(encoded.ids)) - np.repeat(encoded.offsets[:-1], encoded.lengths)
        answers[within < np.repeat(encoded.prompt_lengths, encoded.lengths)] = of_prompts[shown]
        return replace(encoded, answers=answers)
    before = _tokenize_prompts(tokenizer, prompt_column.values, special_tokens)
    return _lay(before, prompt_column.codes, after, completion_column.codes, stop)


def _tokenize_prompts(tokenizer: Any, texts: pa.LargeStringArray, special_tokens: bool) -> Tokens:
    """Return the tokens of prompts, without the stop token that some tokenizers append."""
    before = tokenize(tokenizer, texts, special_tokens)
    return before.without_last() if special_tokens and len(texts) and _appends_stop(tokenizer) else before


def _tokenize_marked(
    tokenizer: Any, prompts: Sequence[str], special_tokens: bool, mark: str
) -> tuple[Tokens, NDArray[np.bool_]]:
    """Return the tokens of prompts without their marks, and for each token whether it stood between two marks."""
    pieces = [prompt.split(mark) for prompt in prompts]
    first = _tokenize_prompts(
        tokenizer, pa.array([parts[0] for parts in pieces], pa.large_string()), special_tokens
    )
    others = tokenize(
        tokenizer, pa.array([text for parts in pieces for text in parts[1:]], pa.large_string()), False
    )
    ids, flags, lengths, number = [first.ids[:0]], [np.zeros(0, dtype=bool)], [0], 0
    for row, parts in enumerate(pieces):
        begin = len(ids)
        ids.append(first.ids[first.offsets[row] : first.offsets[row + 1]])
        flags.append(np.zeros(len(ids[-1]), dtype=bool))
        for place in range(1, len(parts)):
            ids.append(others.ids[others.offsets[number] : others.offsets[number + 1]])
            flags.append(np.full(len(ids[-1]), place % 2 == 1))
            number += 1
        lengths.append(sum(map(len, ids[begin:])))
    return Tokens(np.concatenate(ids), np.cumsum(lengths, dtype=np.int64)), np.concatenate(flags)


def _lay(
    before: Tokens, prompts: NDArray[np.integer], after: Tokens, completions: NDArray[np.integer], stop: int
) -> Encoded:
    """Concatenate N examples: the tokens of the prompt and the completion, and the stop token.

    Args:
        before: The tokens of each distinct prompt.
        prompts: (N,) the index of each example's prompt in `before`.
        after: The tokens of each distinct completion.
        completions: (N,) the index of each example's completion in `after`.
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
    """Return the numbers of tokens of prompt, rest, prompt, rest, ..."""
    return np.stack([prompt_lengths, lengths - prompt_lengths], axis=1).ravel()


def tokenize(tokenizer: Any, texts: pa.LargeStringArray, special_tokens: bool) -> Tokens:
    """Return the tokens of each text, equal to those that a call of the tokenizer returns.

    A fast tokenizer works in Rust on all cores and returns one list per text, so no Python statement runs per row. A
    tokenizer that is written in Python, or overrides the common method, is called directly.
    """
    # Ids may have gaps, so the vocabulary's size alone does not give the largest id.
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
        # If set, the library does not warn of a later fork (a loader's worker, which only collates).
        os.environ.setdefault("TOKENIZERS_PARALLELISM", "true")

        def work(start: int) -> tuple[NDArray[Any], NDArray[np.int64]]:
            assert encode_chunk is not None
            encodings = encode_chunk(texts[start : start + _TEXTS_AT_ONCE].to_pylist())
            return _flatten([encoding.ids for encoding in encodings], kind)

        # Two threads: while Rust tokenises one chunk, the other's lists are converted to an array.
        with ThreadPoolExecutor(2) as threads:
            pieces = list(threads.map(work, starts))
    ids = np.concatenate([np.zeros(0, dtype=kind), *(piece for piece, _ in pieces)])
    lengths = np.concatenate([np.zeros(1, dtype=np.int64), *(counts for _, counts in pieces)])
    return Tokens(ids, np.cumsum(lengths, dtype=np.int64))


def _flatten(lists: Sequence[Sequence[int]], kind: Any) -> tuple[NDArray[Any], NDArray[np.int64]]:
    """Return lists of numbers as one array, and the lengths of the lists."""
    lengths = np.fromiter(map(len, lists), dtype=np.int64, count=len(lists))
    return np.fromiter(chain.from_iterable(lists), dtype=kind, count=int(lengths.sum())), lengths


def _call(tokenizer: Any, texts: list[str], special_tokens: bool) -> list[list[int]]:
    ids: list[list[int]] = tokenizer(
        texts, add_special_tokens=special_tokens, return_attention_mask=False, verbose=False
    )["input_ids"]
    return ids


def _fast_encoder(tokenizer: Any, special_tokens: bool) -> Callable[[list[str]], list[Any]] | None:
    """Return a function that encodes texts in Rust, or None if its result could differ from a call of the tokenizer."""
    from transformers import PreTrainedTokenizerFast

    plain = isinstance(tokenizer, PreTrainedTokenizerFast) and all(
        getattr(type(tokenizer), name) is getattr(PreTrainedTokenizerFast, name)
        for name in ("__call__", "_encode_plus")
    )
    if not plain:
        return None
    _call(tokenizer, ["a"], special_tokens)  # sets truncation, padding and special tokens, as every call does
    return partial(tokenizer.backend_tokenizer.encode_batch_fast, add_special_tokens=special_tokens)


def _appends_stop(tokenizer: Any) -> bool:
    """Whether the tokenizer appends its stop token to a text; a prompt must not end with it."""
    ids = tokenizer("a")["input_ids"]
    return len(ids) > 1 and ids[-1] == tokenizer.eos_token_id
