"""Generation beside `decoder.generate` of transformers, in turns: `python -m bench.generation` prints a JSON line a case.

The stop token is forced where each row's right answer ends, since the weights are random: the answers are as long as real
ones, and whatever else is generated must be the same in both, row by row.
"""

from __future__ import annotations

import argparse
import json
import random
import statistics
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import torch
from torch import Tensor
from transformers import (
    AutoModelForCausalLM,
    GenerationConfig,
    LogitsProcessor,
    LogitsProcessorList,
    PreTrainedModel,
    PreTrainedTokenizerBase,
)

from bench.workload import make_workload
from lightning_modules import generation
from lightning_modules.choosing import TokenChooser
from lightning_modules.decoders import load_tokenizer, never_generated
from lightning_modules.generation import GenerationSettings, generate

CLOCK = time.perf_counter
CASES = (
    ("builtin", "arrow", 1000, 64),
    ("builtin", "alpaca", 1000, 64),
    ("opt-125m", "arrow", 128, 16),
)
"""Shape, format, rows, rows decoded at once."""


@dataclass(frozen=True)
class Comparison:
    """What `compare_generation` found."""

    rows: int
    slots: int
    """Rows decoded at once; also the batch size of transformers."""
    tokens: int
    """Generated tokens, stop tokens included."""
    longest: int
    """Generated tokens of the longest answer."""
    different: int
    """Rows whose tokens are not transformers'."""
    seconds: float
    """Median of ours."""
    transformers_seconds: float
    """Median of transformers'."""
    ratios: tuple[float, ...]
    """transformers' time divided by ours, pair by pair."""

    @property
    def speedup(self) -> float:
        """Median over the pairs."""
        return statistics.median(self.ratios)


def compare_generation(
    decoder: PreTrainedModel,
    tokenizer: PreTrainedTokenizerBase,
    prompts: Sequence[Sequence[int]],
    slots: int,
    max_new_tokens: int,
    repeats: int = 5,
    answer_lengths: Sequence[int] | None = None,
) -> Comparison:
    """Generate greedily with `generation.generate` and with `decoder.generate`, in turns.

    transformers gets batches of `slots` rows in the given order, padded on the left, with the tokens suppressed
    that no text decodes to.

    Args:
        decoder: A causal language model.
        tokenizer: Its tokenizer.
        prompts: Token ids of each prompt.
        slots: Rows decoded at once.
        max_new_tokens: Most tokens of an answer.
        repeats: Pairs of runs; a pair that warms up is not among them.
        answer_lengths: Forces the stop token to come as this token of each answer, for a decoder that was not
            trained; by default where the decoder chooses it.
    """
    decoder.eval()
    pad, stop = cast(int, tokenizer.pad_token_id), cast(int, tokenizer.eos_token_id)
    settings = GenerationSettings(max_new_tokens=max_new_tokens)
    config = GenerationConfig(
        max_new_tokens=max_new_tokens,
        do_sample=False,
        bos_token_id=tokenizer.bos_token_id,
        eos_token_id=stop,
        pad_token_id=pad,
        suppress_tokens=never_generated(decoder, tokenizer) or None,
    )
    pool = _pad_left(prompts, pad, decoder.device)
    batches = [
        _pad_left(prompts[first : first + slots], pad, decoder.device)
        for first in range(0, len(prompts), slots)
    ]

    stops = None if answer_lengths is None else torch.tensor(answer_lengths, device=decoder.device)

    def ours() -> list[list[int]]:
        with _forced(stop, stops):
            generated = generate(decoder, tokenizer, *pool, settings, slots=slots)
        rows = zip(generated.ids.tolist(), generated.num_tokens.tolist(), strict=True)
        return [row[:count] for row, count in rows]

    def theirs() -> list[list[int]]:
        completions: list[list[int]] = []
        for number, (ids, mask) in enumerate(batches):
            processors = None
            if stops is not None:
                rows = stops[number * slots : (number + 1) * slots]
                processors = LogitsProcessorList([_StopAt(stop, rows, ids.shape[1])])
            sequences = cast(Any, decoder).generate(
                ids, attention_mask=mask, generation_config=config, logits_processor=processors
            )
            completions += [
                row[: row.index(stop) + 1] if stop in row else row
                for row in sequences[:, ids.shape[1] :].tolist()
            ]
        return completions

    mine, reference = ours(), theirs()
    seconds = [(_seconds(theirs, decoder.device), _seconds(ours, decoder.device)) for _ in range(repeats)]
    lengths = [len(row) for row in reference]
    return Comparison(
        rows=len(prompts),
        slots=slots,
        tokens=sum(lengths),
        longest=max(lengths),
        different=sum(a != b for a, b in zip(mine, reference, strict=True)),
        seconds=statistics.median(own for _, own in seconds),
        transformers_seconds=statistics.median(other for other, _ in seconds),
        ratios=tuple(other / own for other, own in seconds),
    )


def _force(logits: Tensor, stop: int, now: Tensor) -> Tensor:
    """Return logits `(B, V)` with which the stop token is chosen where `now` `(B,)`, and not elsewhere."""
    return logits.index_copy(
        1, torch.tensor([stop], device=logits.device), torch.where(now, 1e4, -1e4)[:, None].to(logits)
    )


class _StopAt(LogitsProcessor):
    def __init__(self, stop: int, lengths: Tensor, prompt_length: int) -> None:
        self.stop, self.lengths, self.prompt_length = stop, lengths, prompt_length

    def __call__(self, input_ids: torch.LongTensor, scores: torch.FloatTensor) -> torch.FloatTensor:
        step = input_ids.shape[1] - self.prompt_length + 1
        return cast(torch.FloatTensor, _force(scores, self.stop, self.lengths == step))


@contextmanager
def _forced(stop: int, lengths: Tensor | None) -> Iterator[None]:
    """Let `generate` choose the stop token at given lengths `(N,)`."""
    at = lengths if lengths is not None else torch.zeros(0)

    class Forced(TokenChooser):
        def __call__(self, logits: Tensor, rows: Tensor, steps: Tensor) -> tuple[Tensor, Tensor]:
            return super().__call__(_force(logits, stop, at[rows] == steps + 1), rows, steps)

    original = generation.TokenChooser
    if lengths is not None:
        generation.TokenChooser = Forced  # type: ignore[misc]
    try:
        yield
    finally:
        generation.TokenChooser = original  # type: ignore[misc]


def _pad_left(prompts: Sequence[Sequence[int]], pad: int, device: torch.device) -> tuple[Tensor, Tensor]:
    """Return ids and mask, `(B, P)`."""
    width = max(map(len, prompts))
    ids = torch.tensor([[pad] * (width - len(prompt)) + list(prompt) for prompt in prompts])
    mask = torch.tensor([[0] * (width - len(prompt)) + [1] * len(prompt) for prompt in prompts])
    return ids.to(device), mask.to(device)


def _seconds(run: Any, device: torch.device) -> float:
    if device.type == "cuda":
        torch.cuda.synchronize()
    begun = CLOCK()
    run()
    if device.type == "cuda":
        torch.cuda.synchronize()
    return CLOCK() - begun


def measure(shape: str, format: str, rows: int, slots: int, folder: Path, repeats: int) -> dict[str, Any]:
    """Return what a case gives; the rows are training rows of `smiles_to_iupac` in a shuffled order."""
    workload = make_workload(folder, shape, format, rows)
    decoder = AutoModelForCausalLM.from_pretrained(workload.model, dtype=torch.float32)
    order = random.Random(0).sample(range(rows), rows)
    answers = (workload.train.lengths - workload.train.prompt_lengths)[order].tolist()
    found = compare_generation(
        decoder,
        load_tokenizer(workload.model),
        [workload.train.prompt(place).tolist() for place in order],
        slots=slots,
        max_new_tokens=max(answers),
        repeats=repeats,
        answer_lengths=answers,
    )
    return {
        "case": f"{shape}, {format}", "rows": rows, "slots": slots, "tokens": found.tokens, "different": found.different,
        "rows_per_second": rows / found.seconds, "transformers_rows_per_second": rows / found.transformers_seconds,
        "ratio": found.speedup,
    }  # fmt: skip


def main() -> None:
    """Measure all cases."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--repeats", type=int, default=5)
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        for case in CASES:
            result = measure(*case, Path(folder) / "-".join(case[:2]), args.repeats)
            sys.stdout.write(json.dumps(result) + "\n")
            sys.stdout.flush()


if __name__ == "__main__":
    main()
