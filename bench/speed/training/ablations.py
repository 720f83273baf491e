"""The gain of each speed-up alone: the same work with it and without it, on the built-in decoder in fp32.

    technique      with it                                          without it
    grouping       batches of rows of similar length                batches of rows drawn at random
    no mask        right-padded rows without an attention mask      the same rows with a mask of their padding
    loss           logits and loss at supervised tokens only        transformers' own loss over all positions
    prefix         the common prefix of all rows runs once (alpaca) it runs for each row
    fused          AdamW as one kernel                              PyTorch's default
    batched        strings tokenised in batches, each once          one call of the tokenizer per string

`python -m bench.speed.training.ablations` prints one JSON line per technique. One process runs both variants of a
technique alternately, after a warm-up.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor
from transformers import AutoTokenizer

from bench.speed.cases import at_least_one
from bench.speed.training.plain_loop import lay_batches, load, loss_of
from bench.speed.training.workload import TASK, make_workload
from datamodules.sources.lookup import load_source
from datamodules.tasks import load_task
from datamodules.tokens.batching import Batch
from datamodules.tokens.examples import encode
from lightning_modules.training.loss import supervised_loss

BATCH, ROWS, STRINGS, TURNS = 16, 128, 10_000, 1
Work = Callable[[], object]
Variants = tuple[Work, Work]
"""The work with a technique, and the work without it."""


def passes(decoder: Any, batches: list[Batch], loss: Callable[[Any, Batch], Tensor]) -> None:
    """Run the forward and the backward pass of all batches."""
    for batch in batches:
        decoder.zero_grad()
        loss(decoder, batch).backward()


def _with_mask(decoder: Any, batch: Batch) -> Tensor:
    last = (batch["labels"] >= 0).long().flip(1).argmax(1)  # padding after the last supervised token
    mask = torch.arange(batch["labels"].shape[1]) < (batch["labels"].shape[1] - last)[:, None]
    total, count = supervised_loss(decoder, batch["input_ids"], batch["labels"], mask.long())
    return total / count


def _of_transformers(decoder: Any, batch: Batch) -> Tensor:
    loss: Tensor = decoder(input_ids=batch["input_ids"], labels=batch["labels"]).loss
    return loss


def _optimizers(decoder: Any) -> Variants:
    """Return five steps of the fused AdamW and of PyTorch's default, with the same gradients."""
    weights = list(decoder.parameters())
    for weight in weights:
        weight.grad = torch.ones_like(weight) * 1e-6
    steps = (torch.optim.AdamW(weights, lr=1e-9, fused=fused).step for fused in (True, None))
    one, other = (partial(_repeat, step) for step in steps)
    return one, other


def _repeat(step: Work, times: int = 5) -> None:
    for _ in range(times):
        step()


def _tokenisers(model: str, count: int) -> Variants:
    table, tokenizer = load_source("pubchem").table.slice(0, count), AutoTokenizer.from_pretrained(model)
    question = load_task(TASK).instructions[0]
    prompts = [f"{question} {smiles}" for smiles in table.column("smiles").to_pylist()]
    names = table.column("iupac").to_pylist()

    def one_by_one() -> None:
        for text in (*prompts, *names):
            tokenizer(text)

    return partial(encode, tokenizer, prompts, names), one_by_one


def techniques(folder: Path, shape: str, rows: int, strings: int) -> Iterator[tuple[str, Variants]]:
    """Yield the name of each technique, and the work with it and without it."""
    arrow = make_workload(folder / "arrow", shape, "arrow", rows)
    decoder = load(arrow)[0]
    grouped, drawn = (lay_batches(arrow, BATCH, by_length=by_length) for by_length in (True, False))
    epoch, loss = partial(passes, decoder), partial(loss_of, precision="fp32")
    ours = partial(epoch, grouped, loss)
    yield "grouping", (ours, partial(epoch, drawn, loss))
    yield "no mask", (ours, partial(epoch, grouped, _with_mask))
    yield "loss", (ours, partial(epoch, grouped, _of_transformers))
    asked = lay_batches(make_workload(folder / "alpaca", shape, "alpaca", rows), BATCH)
    yield "prefix", (partial(epoch, asked, loss), partial(epoch, asked, partial(loss, share_prefix=False)))
    yield "fused", _optimizers(decoder)
    yield "batched", _tokenisers(arrow.model, strings)


def seconds_of(variants: Variants, turns: int = TURNS) -> tuple[float, float]:
    """Return the median seconds with and without a technique; both run alternately after one uncounted run."""
    seconds: tuple[list[float], list[float]] = ([], [])
    for turn in range(turns + 1):
        for place in (0, 1) if turn % 2 else (1, 0):
            start = time.perf_counter()
            variants[place]()
            if turn:
                seconds[place].append(time.perf_counter() - start)
    with_it, without = (float(np.median(each)) for each in seconds)
    return with_it, without


def main(words: list[str] | None = None) -> None:
    """Measure each technique and print one JSON line for it."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--shape", default="builtin", choices=("builtin", "tiny"))
    parser.add_argument("--rows", type=at_least_one, default=ROWS)
    parser.add_argument("--strings", type=at_least_one, default=STRINGS)
    args = parser.parse_args(words)
    with tempfile.TemporaryDirectory() as folder:
        for name, variants in techniques(Path(folder), args.shape, args.rows, args.strings):
            with_it, without = seconds_of(variants)
            result = {"way": name, "seconds": with_it, "without": without, "ratio": without / with_it}
            sys.stdout.write(json.dumps(result) + "\n")
            sys.stdout.flush()


if __name__ == "__main__":
    main()
