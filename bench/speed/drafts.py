"""Evaluation with targets as drafts, by exact match: `python -m bench.speed.drafts` prints one JSON line per share and way.

The flagship evaluates as many right and wrong rows as a share asks for: the loss of the batches, and a greedy answer to each row.
`transformers` is its forward pass with labels and its `generate`, in batches of the same size; `plain` is Patois decoding each
row from its prompt; `drafts` is what `validate` and `test` do. Each runs in its own process on one
thread, so that processor seconds count work and no waiting.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any, cast

import numpy as np
import torch
from numpy.typing import NDArray
from transformers import AutoModelForCausalLM, GenerationConfig, PreTrainedModel, PreTrainedTokenizerBase

from bench.speed.training.workload import choose_pairs, encode_pairs
from configs.lookup import PROJECT
from datamodules.tokens.batching import BatchDataset, plan_evaluation
from datamodules.tokens.examples import IGNORE_INDEX, Encoded
from datamodules.tokens.packing import pad
from lightning_modules.decoder.decoders import load_tokenizer, never_generated
from lightning_modules.evaluation import Evaluator
from lightning_modules.generation.generate import GenerationSettings

MODEL = str(PROJECT / "lightning_modules" / "flagship")
FORMAT = "styled"
WAYS = ("transformers", "plain", "drafts")
SHARES = (0, 25, 50, 90)
"""Percent of the rows that the model answers exactly."""
ROWS, SLOTS, TOKENS = 256, 64, 128
POOL = 1_024
"""Rows that are answered once, to choose from."""


def load_rows(tokenizer: PreTrainedTokenizerBase, places: Sequence[int]) -> Encoded:
    """Return rows of the built-in table, asked for the name."""
    pairs = choose_pairs(tokenizer, FORMAT, max(places) + 1)
    return encode_pairs(tokenizer, FORMAT, [pairs[place] for place in places])


def choose_rows(right: NDArray[np.bool_], share: int, count: int) -> list[int]:
    """Return the first rows of which a share is right, in their order.

    Args:
        right: (N,) whether a row is answered exactly.
        share: Percent of right rows.
        count: Number of rows.

    Raises:
        ValueError: If there are too few right or wrong rows.

    Examples:
        >>> choose_rows(np.array([True, True, False, False, True]), share=50, count=4)
        [0, 1, 2, 3]
    """
    wanted = round(count * share / 100)
    rows = [*right.nonzero()[0][:wanted].tolist(), *(~right).nonzero()[0][: count - wanted].tolist()]
    if len(rows) < count:
        raise ValueError(f"Expected {wanted} right rows of {count}, but {right.sum()} of {len(right)} are.")
    return sorted(rows)


@torch.inference_mode()
def evaluate(
    decoder: PreTrainedModel, tokenizer: PreTrainedTokenizerBase, rows: Encoded, slots: int, drafted: bool
) -> tuple[float, list[str]]:
    """Return the loss and the answers, as a validation step computes them."""
    evaluator = Evaluator(decoder, tokenizer, GenerationSettings(max_new_tokens=TOKENS))
    plan = plan_evaluation(rows.prompt_lengths, slots, 1)
    loss, texts = 0.0, [""] * len(rows)
    dataset = BatchDataset(rows, plan, cast(int, tokenizer.pad_token_id), with_prompts=True, slots=slots)
    for number in range(len(dataset)):
        batch = cast(dict[str, Any], dataset[number])
        drafts = evaluator.make_drafts(batch) if drafted else None
        loss += float(evaluator.compute_loss(batch, drafts).loss)
        answer = evaluator.answer(batch, begun=None if drafts is None else drafts.begun)
        for row, text in zip(answer["row_index"].tolist(), answer["prediction"], strict=True):
            texts[row] = text
    return loss, texts


@torch.inference_mode()
def evaluate_by_transformers(
    decoder: PreTrainedModel, tokenizer: PreTrainedTokenizerBase, rows: Encoded, slots: int
) -> tuple[float, list[str]]:
    """Return the loss and the answers by transformers alone, in batches of the same size, in the given order."""
    padding = cast(int, tokenizer.pad_token_id)
    config = GenerationConfig(
        max_new_tokens=TOKENS, do_sample=False, bos_token_id=tokenizer.bos_token_id,
        eos_token_id=tokenizer.eos_token_id, pad_token_id=padding,
        suppress_tokens=never_generated(decoder, tokenizer) or None,
    )  # fmt: skip
    loss, texts = 0.0, list[str]()
    for first in range(0, len(rows), slots):
        places = range(first, min(first + slots, len(rows)))
        examples, labels = [rows.example(place) for place in places], [rows.labels(place) for place in places]
        mask, targets = pad([np.ones_like(example) for example in examples], 0), pad(labels, IGNORE_INDEX)
        found = decoder(input_ids=pad(examples, padding), attention_mask=mask, labels=targets)
        loss += float(found.loss) * int((targets != IGNORE_INDEX).sum())
        prompts = [rows.prompt(place) for place in places]
        ids, mask = (
            pad(prompts, padding, left=True),
            pad([np.ones_like(prompt) for prompt in prompts], 0, left=True),
        )
        answers = cast(Any, decoder).generate(ids, attention_mask=mask, generation_config=config)
        texts += tokenizer.batch_decode(
            answers[:, ids.shape[1] :], skip_special_tokens=True, clean_up_tokenization_spaces=False
        )
    return loss, texts


def find_right(tokenizer: PreTrainedTokenizerBase, rows: Encoded, texts: list[str]) -> NDArray[np.bool_]:
    """Return whether each answer is its target, (N,)."""
    targets = [rows.example(row)[rows.prompt_lengths[row] :].tolist() for row in range(len(rows))]
    expected = tokenizer.batch_decode(targets, skip_special_tokens=True, clean_up_tokenization_spaces=False)
    return np.array([one == other for one, other in zip(expected, texts, strict=True)])


def work(way: str, places: Sequence[int], dtype: torch.dtype = torch.float32) -> dict[str, Any]:
    """Return the processor seconds of an evaluation after a short warm-up, its loss and answers."""
    decoder, tokenizer = (
        AutoModelForCausalLM.from_pretrained(MODEL, dtype=dtype).eval(),
        load_tokenizer(MODEL),
    )

    def run(rows: Encoded) -> tuple[float, list[str]]:
        if way == "transformers":
            return evaluate_by_transformers(decoder, tokenizer, rows, SLOTS)
        return evaluate(decoder, tokenizer, rows, SLOTS, drafted=way == "drafts")

    rows = load_rows(tokenizer, places)
    run(rows.pick(np.arange(min(4, len(rows)))))
    wall, start = time.perf_counter(), time.process_time()
    loss, texts = run(rows)
    seconds, wall = time.process_time() - start, time.perf_counter() - wall
    right = find_right(tokenizer, rows, texts)
    return {"seconds": seconds, "wall": wall, "loss": loss, "right": right.tolist(), "texts": texts}


def run_way(way: str, places: Sequence[int]) -> dict[str, Any]:
    """Return what `work` returns in a process of its own.

    Raises:
        RuntimeError: If the process failed; with the end of its error output.
    """
    with tempfile.TemporaryDirectory() as folder:
        asked = Path(folder) / "places.json"
        asked.write_text(json.dumps(list(places)), encoding="utf-8")
        done = subprocess.run(
            [sys.executable, "-m", "bench.speed.drafts", "--way", way, "--places", str(asked)],
            cwd=PROJECT, env={**os.environ, "OMP_NUM_THREADS": "1"}, capture_output=True, text=True, check=False,
        )  # fmt: skip
    if done.returncode:
        raise RuntimeError(f"{way} could not evaluate:\n{done.stderr[-3000:]}")
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return found


def measure(right: NDArray[np.bool_], share: int, number: int = 0, count: int = ROWS) -> list[dict[str, Any]]:
    """Return the results of all ways for one share; their order changes from round to round."""
    places = choose_rows(right, share, count)
    found = {way: run_way(way, places) for way in WAYS[:: 1 if number % 2 == 0 else -1]}
    return [
        {
            "share": share, "way": way, "rows": count, "right": sum(result["right"]), "seconds": result["seconds"],
            "wall": result["wall"],
            "different": sum(a != b for a, b in zip(result["texts"], found["plain"]["texts"], strict=True)),
        }
        for way in WAYS
        for result in [found[way]]
    ]  # fmt: skip


def main() -> None:
    """Measure all shares, or one way on given rows."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--round", type=int, default=0, help="number of the round, which changes the order")
    parser.add_argument("--way", choices=WAYS, help="measure this way alone, on --places")
    parser.add_argument("--places", type=Path, help="JSON file with the places of the rows")
    args = parser.parse_args()
    if args.way:
        sys.stdout.write("\n" + json.dumps(work(args.way, json.loads(args.places.read_text()))) + "\n")
        return
    right = np.array(run_way("drafts", range(POOL))["right"])
    for share in SHARES:
        for line in measure(right, share, args.round):
            sys.stdout.write(json.dumps(line) + "\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
