"""Time greedy generation by one library: `python -m bench.speed.generation_worker patois|transformers ...` prints a JSON line.

Both answer the same prompts in batches of the same size. The weights are random, so the stop token is forced where each row's
right answer ends: answers are as long as real ones, and all other tokens must be the same in both libraries.
"""

from __future__ import annotations

import argparse
import json
import random
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, cast

import numpy as np
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

from bench.speed.training.workload import Workload, add_flags, make_workload
from datamodules.tokens.batching import BatchDataset, plan_evaluation
from datamodules.tokens.examples import Encoded
from datamodules.tokens.packing import pad
from lightning_modules.decoder.decoders import load_tokenizer, never_generated
from lightning_modules.generation import generate as generation
from lightning_modules.generation.generate import GenerationSettings, generate
from lightning_modules.generation.sampling import TokenChooser

Answers = list[list[int]]
"""Generated tokens of each row, stop token included."""
Run = Callable[[], Answers]


def questions(workload: Workload) -> Encoded:
    """Return the rows to answer, in a shuffled order."""
    count = len(workload.train)
    return workload.train.pick(np.array(random.Random(0).sample(range(count), count), dtype=np.int64))


def answer_lengths(rows: Encoded) -> Tensor:
    """Return the number of tokens of each right answer, stop token included, `(N,)`."""
    return torch.from_numpy((rows.lengths - rows.prompt_lengths).astype(np.int64))


def patois(decoder: PreTrainedModel, tokenizer: PreTrainedTokenizerBase, rows: Encoded, slots: int) -> Run:
    """Return a function that generates as validation does: in its batches, each with a few slots."""
    padding, stop = cast(int, tokenizer.pad_token_id), cast(int, tokenizer.eos_token_id)
    lengths = answer_lengths(rows)
    settings = GenerationSettings(max_new_tokens=int(lengths.max()))
    plan = plan_evaluation(rows.prompt_lengths, slots, 1)
    batches = BatchDataset(rows, plan, padding, with_prompts=True, slots=slots)
    ready = [batches[number] for number in range(len(batches))]

    def run() -> Answers:
        answers: Answers = [[] for _ in range(len(rows))]
        for batch in ready:
            asked = batch["row_index"]
            with _forced(stop, lengths[asked]):
                generated = generate(
                    decoder,
                    tokenizer,
                    batch["prompt_ids"],
                    batch["prompt_mask"],
                    settings,
                    slots=batch["slots"],
                )
            found = zip(asked.tolist(), generated.ids.tolist(), generated.num_tokens.tolist(), strict=True)
            for row, ids, count in found:
                answers[row] = ids[:count]
        return answers

    return run


def transformers(
    decoder: PreTrainedModel, tokenizer: PreTrainedTokenizerBase, rows: Encoded, slots: int
) -> Run:
    """Return a function that calls `decoder.generate` on batches of `slots` rows in the given order, padded on the left.

    Tokens that stand for no text are suppressed.
    """
    padding, stop = cast(int, tokenizer.pad_token_id), cast(int, tokenizer.eos_token_id)
    lengths = answer_lengths(rows)
    config = GenerationConfig(
        max_new_tokens=int(lengths.max()),
        do_sample=False,
        bos_token_id=tokenizer.bos_token_id,
        eos_token_id=stop,
        pad_token_id=padding,
        suppress_tokens=never_generated(decoder, tokenizer) or None,
    )
    batches = []
    for first in range(0, len(rows), slots):
        prompts = [rows.prompt(row) for row in range(first, min(first + slots, len(rows)))]
        mask = pad([np.ones_like(prompt) for prompt in prompts], 0, left=True)
        batches.append((pad(prompts, padding, left=True), mask, lengths[first : first + slots]))

    def run() -> Answers:
        answers: Answers = []
        for ids, mask, stops in batches:
            sequences = cast(Any, decoder).generate(
                ids,
                attention_mask=mask,
                generation_config=config,
                logits_processor=LogitsProcessorList([_StopAt(stop, stops, ids.shape[1])]),
            )
            answers += [row[: row.index(stop) + 1] for row in sequences[:, ids.shape[1] :].tolist()]
        return answers

    return run


def _force(logits: Tensor, stop: int, now: Tensor) -> Tensor:
    """Return logits `(B, V)` that select the stop token where `now` `(B,)` is true, and nowhere else."""
    return logits.index_copy(1, torch.tensor([stop]), torch.where(now, 1e4, -1e4)[:, None].to(logits))


class _StopAt(LogitsProcessor):
    def __init__(self, stop: int, lengths: Tensor, prompt_length: int) -> None:
        self.stop, self.lengths, self.prompt_length = stop, lengths, prompt_length

    def __call__(self, input_ids: torch.LongTensor, scores: torch.FloatTensor) -> torch.FloatTensor:
        step = input_ids.shape[1] - self.prompt_length + 1
        return cast(torch.FloatTensor, _force(scores, self.stop, self.lengths == step))


@contextmanager
def _forced(stop: int, lengths: Tensor) -> Iterator[None]:
    """Make `generate` select the stop token at given lengths `(N,)`."""

    class Forced(TokenChooser):
        def __call__(
            self, logits: Tensor, rows: Tensor, steps: Tensor, last: Tensor
        ) -> tuple[Tensor, Tensor]:
            return super().__call__(_force(logits, stop, lengths[rows] == steps + 1), rows, steps, last)

    original = generation.TokenChooser
    generation.TokenChooser = Forced  # type: ignore[misc]
    try:
        yield
    finally:
        generation.TokenChooser = original  # type: ignore[misc]


LIBRARIES: dict[str, Callable[[PreTrainedModel, PreTrainedTokenizerBase, Encoded, int], Run]] = {
    "patois": patois,
    "transformers": transformers,
}


def measure(library: str, workload: Workload, slots: int) -> tuple[float, int, Answers]:
    """Return the seconds of a run after a warm-up run, the decoder's forward passes, and the answers."""
    decoder = AutoModelForCausalLM.from_pretrained(workload.model, dtype=torch.float32).eval()
    run = LIBRARIES[library](decoder, load_tokenizer(workload.model), questions(workload), slots)
    passes = [0]

    def count(*_: Any) -> None:
        passes[0] += 1

    handle = decoder.register_forward_pre_hook(count)
    run()
    handle.remove()
    start = time.perf_counter()
    answers = run()
    return time.perf_counter() - start, passes[0], answers


def main() -> None:
    """Measure as the command line says; the answers go to a file in the folder, to be compared with the other library's."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("library", choices=LIBRARIES)
    add_flags(parser)
    parser.add_argument("--slots", type=int, default=16, help="rows decoded at once")
    args = parser.parse_args()
    workload = make_workload(args.folder, args.shape, args.format, args.rows, args.seed)
    seconds, passes, answers = measure(args.library, workload, args.slots)
    (args.folder / f"{args.library}.json").write_text(json.dumps(answers), encoding="utf-8")
    sys.stdout.write("\n" + json.dumps({"seconds": seconds, "passes": passes}) + "\n")


if __name__ == "__main__":
    main()
