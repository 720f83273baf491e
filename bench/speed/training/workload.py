"""The same work for every trainer: one decoder with random weights, the same rows, the same tokens.

`python -m bench.speed.training.workload` makes one in its own process, so that no trainer's memory includes the making.
"""

from __future__ import annotations

import argparse
import csv
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from transformers import AutoConfig, AutoModelForCausalLM, AutoTokenizer

from bench.speed.stopwatch import Stopwatch
from datamodules.formats import load_format
from datamodules.sources.lookup import load_source
from datamodules.splits import nested_order
from datamodules.storage.atomic_write import whole_file
from datamodules.tasks import load_task
from datamodules.texts.augmentation import ask
from datamodules.tokens.examples import Encoded, encode
from lightning_modules.decoder.bases import BUILTIN
from lightning_modules.training.loss import supervised_loss

TASK = "smiles_to_iupac"
MAX_LENGTH = 128
LEARNING_RATE, CLIP, WEIGHT_DECAY, BETAS = 3e-4, 1.0, 0.01, (0.9, 0.95)
"""Settings of AdamW and of clipping, the same for all trainers."""
HELD_OUT = 64
"""Number of rows for the loss after training, the same for all trainers and seeds."""
# Architectures as published; vocabulary rows beyond the tokenizer's cost time as usual but are never a target.
SHAPES: dict[str, dict[str, Any]] = {
    "builtin": {},
    "tiny": {  # only to try the benchmark itself
        "model_type": "llama", "vocab_size": 2048, "hidden_size": 32, "intermediate_size": 64, "num_hidden_layers": 2,
        "num_attention_heads": 2, "num_key_value_heads": 1, "head_dim": 16, "max_position_embeddings": 256,
        "rms_norm_eps": 1e-6, "tie_word_embeddings": True,
    },
    "opt-125m": {
        "model_type": "opt", "vocab_size": 50272, "hidden_size": 768, "ffn_dim": 3072, "num_hidden_layers": 12,
        "num_attention_heads": 12, "max_position_embeddings": 2048, "word_embed_proj_dim": 768, "dropout": 0.0,
    },
    "smollm2-135m": {
        "model_type": "llama", "vocab_size": 49152, "hidden_size": 576, "intermediate_size": 1536,
        "num_hidden_layers": 30, "num_attention_heads": 9, "num_key_value_heads": 3, "head_dim": 64,
        "max_position_embeddings": 2048, "tie_word_embeddings": True,
    },
    "opt-1.3b": {
        "model_type": "opt", "vocab_size": 50272, "hidden_size": 2048, "ffn_dim": 8192, "num_hidden_layers": 24,
        "num_attention_heads": 32, "max_position_embeddings": 2048, "word_embed_proj_dim": 2048, "dropout": 0.0,
    },
}  # fmt: skip


@dataclass(frozen=True)
class Workload:
    """One decoder and its rows."""

    folder: Path
    """Holds `model/`, `rows.csv` and `tokens.npz`."""
    shape: str
    format: str
    train: Encoded
    """The tokens that Patois makes from the rows; the peers get them."""
    held_out: Encoded

    @property
    def model(self) -> str:
        """The folder with the weights that every trainer starts from."""
        return str(self.folder / "model")


@dataclass(frozen=True)
class Work:
    """A workload with the settings of a run."""

    workload: Workload
    batch_size: int
    precision: str
    """`fp32`, or `bf16`: mixed precision with fp32 weights."""
    seed: int
    """Seed of the row order; the weights were drawn with it, too."""
    device: str = "cpu"
    """`cpu` or `cuda`."""

    def stopwatch(self) -> Stopwatch:
        """Return a stopwatch for the training rows, which waits for a GPU and knows the peak of its memory."""
        rows = len(self.workload.train)
        if self.device == "cpu":
            return Stopwatch(rows)
        torch.cuda.reset_peak_memory_stats()
        return Stopwatch(
            rows, wait=torch.cuda.synchronize, device_peak=lambda: torch.cuda.max_memory_allocated() / 2**20
        )


def make_workload(
    folder: Path, shape: str, format: str, rows: int, seed: int = 0, device: str = "cpu"
) -> Workload:
    """Write a decoder with random weights and a table of pairs, or read them if they exist.

    Args:
        folder: Folder of the workload.
        shape: A key of `SHAPES`.
        format: Instruction format, a name in configs/formats.
        rows: Number of training rows; `HELD_OUT` further ones serve for the loss afterwards. The rows do not depend on the seed.
        seed: Seed of the random weights. Weights of another seed need another folder.
        device: Where the weights are drawn; a CPU takes half a minute for a billion.
    """
    folder.mkdir(parents=True, exist_ok=True)
    tokenizer = AutoTokenizer.from_pretrained(BUILTIN)
    if not (folder / "model").is_dir():
        _make_decoder(shape, seed, device).save_pretrained(folder / "model")
        tokenizer.save_pretrained(folder / "model")
    pairs = choose_pairs(tokenizer, format, rows + HELD_OUT)
    with whole_file(folder / "rows.csv") as file:  # a rank may read it while the next one starts
        writer = csv.writer(file)
        writer.writerow(("smiles", "iupac", "split"))
        writer.writerows((*pair, "train" if place < rows else "val") for place, pair in enumerate(pairs))
    tokens = encode_pairs(tokenizer, format, pairs)
    train = np.arange(len(pairs)) < rows
    workload = Workload(folder, shape, format, tokens.take(train), tokens.take(~train))
    arrays: dict[str, Any] = {}
    for name, part in (("train", workload.train), ("held_out", workload.held_out)):
        arrays |= {
            f"{name}_ids": part.ids,
            f"{name}_offsets": part.offsets,
            f"{name}_prompts": part.prompt_lengths,
        }
    np.savez(folder / "tokens.npz", **arrays)
    return workload


def _make_decoder(shape: str, seed: int, device: str) -> Any:
    config = AutoConfig.for_model(**SHAPES[shape]) if SHAPES[shape] else AutoConfig.from_pretrained(BUILTIN)
    for name, token in (("pad", 0), ("bos", 1), ("eos", 2)):
        setattr(config, f"{name}_token_id", token)
    torch.manual_seed(seed)
    with torch.device(device):
        return AutoModelForCausalLM.from_config(config, dtype=torch.float32)


def encode_pairs(tokenizer: Any, format: str, pairs: list[tuple[str, str]]) -> Encoded:
    """Tokenise as a fit with `--data.phrasings first` does."""
    form, task = load_format(format), load_task(TASK)
    queries = [ask(task, smiles) for smiles, _ in pairs]
    texts = [form.render(query, name) for query, (_, name) in zip(queries, pairs, strict=True)]
    return encode(tokenizer, [prompt for prompt, _ in texts], [completion for _, completion in texts])


def choose_pairs(tokenizer: Any, format: str, count: int) -> list[tuple[str, str]]:
    """Return the first pairs of the built-in data, in a fixed shuffled order, that fit into `MAX_LENGTH` tokens."""
    table = load_source("pubchem").table
    order = nested_order(table.column("inchikey").to_pylist())[: 2 * count]
    chosen = table.take(order)
    pairs = list(zip(chosen.column("smiles").to_pylist(), chosen.column("iupac").to_pylist(), strict=True))
    lengths = encode_pairs(tokenizer, format, pairs).lengths
    return [pair for pair, length in zip(pairs, lengths, strict=True) if length <= MAX_LENGTH][:count]


def held_out_loss(decoder: Any, workload: Workload, device: str = "cpu") -> float:
    """Return the mean loss in nats of a supervised token of the held-out rows, in fp32, the same for all trainers."""
    decoder.eval().to(device)
    total, count = 0.0, 0
    with torch.inference_mode():
        for place in range(len(workload.held_out)):
            ids = torch.from_numpy(workload.held_out.example(place).astype(np.int64))[None].to(device)
            labels = torch.from_numpy(workload.held_out.labels(place))[None].to(device)
            loss_sum, tokens = supervised_loss(decoder, ids, labels)
            total, count = total + float(loss_sum), count + int(tokens)
    return total / count


def add_flags(parser: argparse.ArgumentParser) -> None:
    """Add the flags that choose a workload."""
    parser.add_argument(
        "--folder", type=Path, required=True, help="folder of the workload, one per shape, format and seed"
    )
    parser.add_argument("--shape", default="builtin", choices=SHAPES)
    parser.add_argument("--format", default="arrow")
    parser.add_argument("--rows", type=int, default=512)
    parser.add_argument(
        "--seed", type=int, default=0, help="seed of the weights and of a trainer's row order"
    )


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    add_flags(parser)
    make_workload(**vars(parser.parse_args()))
