"""Make lightning_modules/bundled from a pretraining run: `python -m bench.release.bundled --run runs/NAME`.

Writes the weights of the run's last checkpoint in fp16, the tokenizer, and a model card with measurements of the written
weights: bits per character of held-out texts of each kind, compared with random weights.
"""

from __future__ import annotations

import argparse
import json
import math
import sys
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from huggingface_hub import EvalResult
from transformers import PreTrainedModel

from callbacks.reports.end_table import format_seconds
from callbacks.reports.export.hf_folder import make_portable
from callbacks.reports.export.licences import Licence, name_data
from callbacks.reports.export.model_card import make_head
from callbacks.run.run_facts import load_checkpoint
from configs.lookup import load_yaml
from datamodules.flag_tasks import choose_tasks
from datamodules.formats import load_format
from datamodules.task_weights import parse_weights
from datamodules.texts.asking import Asking
from datamodules.texts.training_texts import Texts
from datamodules.tokens.batching import BatchDataset, plan_evaluation
from datamodules.tokens.examples import encode
from lightning_modules.decoder.bases import PROJECT
from lightning_modules.decoder.decoders import load_decoder, load_tokenizer
from lightning_modules.generation.generate import GenerationSettings
from lightning_modules.training.loss import supervised_loss

BUNDLED = PROJECT / "lightning_modules" / "bundled"
MOST_BYTES = 32_000_000


@dataclass(frozen=True)
class Pretraining:
    """A run's configuration, data and progress up to a checkpoint."""

    config: Mapping[str, Any]
    """The run's own configuration."""
    report: Mapping[str, Any]
    """Its rows, as datamodules.rows.data_report wrote them."""
    steps: int
    epochs: int
    tokens: int
    seconds: float

    @staticmethod
    def of(run: Path, checkpoint: Mapping[str, Any]) -> Pretraining:
        """Read a run's folder and one of its checkpoints.

        Raises:
            ValueError: If the run did not count its tokens.
        """
        seen = checkpoint["callbacks"].get("Throughput")
        if seen is None:
            raise ValueError(
                f"{run}: expected a run with callbacks.metrics.throughput.Throughput, which counts tokens."
            )
        return Pretraining(
            config=load_yaml(run / "config.yaml"),
            report=json.loads((run / "data.json").read_text(encoding="utf-8")),
            steps=checkpoint["global_step"],
            epochs=checkpoint["loops"]["fit_loop"]["epoch_progress"]["current"]["completed"],
            tokens=seen["tokens"],
            seconds=seen["seconds"],
        )


@torch.no_grad()
def bits_per_character(
    decoder: PreTrainedModel, tokenizer: Any, texts: Sequence[str], rows: int = 64
) -> float:
    """Return the bits per character that a decoder needs for the texts' tokens and stop tokens.

    Args:
        decoder: A causal language model.
        tokenizer: Its tokenizer.
        texts: N texts, each read alone.
        rows: Texts per batch.
    """
    encoded = encode(tokenizer, texts, [""] * len(texts))
    batches = BatchDataset(
        encoded, plan_evaluation(encoded.lengths, rows, 1), tokenizer.pad_token_id, loss_on="all"
    )
    nats = 0.0
    for number in range(len(batches)):
        batch = batches[number]
        nats += float(supervised_loss(decoder, batch["input_ids"], batch["labels"])[0])
    return nats / math.log(2) / sum(map(len, texts))


def export(run: Path, folder: Path) -> Pretraining:
    """Write the weights (in fp16), configuration and tokenizer of a run's last checkpoint to `folder`.

    fp16 and not bf16: the weights are small numbers, for which fp16 keeps three more bits.

    Raises:
        ValueError: If the files are larger than the project may carry.
    """
    checkpoint = load_checkpoint(run / "checkpoints" / "last.ckpt")
    done = Pretraining.of(run, checkpoint)
    base = done.config["model"]["base"]
    decoder, tokenizer = load_decoder(base, "random"), load_tokenizer(base)
    prefix = "decoder."
    decoder.load_state_dict(
        {
            name.removeprefix(prefix): value
            for name, value in checkpoint["state_dict"].items()
            if name.startswith(prefix)
        }
    )
    decoder.half().save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    data = done.config["data"]
    asking = Asking(tuple(choose_tasks(data["task"])[0]), load_format(data["format"]))
    make_portable(folder, tokenizer, asking, GenerationSettings().max_new_tokens)
    size = sum(path.stat().st_size for path in folder.iterdir())
    if size > MOST_BYTES:
        raise ValueError(f"{folder}: expected at most {MOST_BYTES:,} bytes, but it has {size:,}.")
    return done


def describe(done: Pretraining, measured: Mapping[str, tuple[float, float, int]], parameters: int) -> str:
    """Return the model card.

    Args:
        done: The run up to the exported checkpoint.
        measured: For each task the bits per character of the written and of random weights, and the number of texts.
        parameters: Number of the decoder's parameters.
    """
    data, optimizer = done.config["data"], done.config["model"]["optimizer"]
    lines = [
        f"| {name} | {ours:.3f} | {random:.3f} | {count:,} |"
        for name, (ours, random, count) in measured.items()
    ]
    mix = ", ".join(f"{name} {weight or 1:g}" for name, weight in parse_weights(data["task"]).items())
    rows = ", ".join(f"{name} ({count:,} rows)" for name, count in done.report["sources"].items())
    return f"""---
{make_bundled_head(measured, done.report["sources"])}
---

# The bundled base

A Llama-shaped decoder of {parameters:,} parameters that Patois pretrained and ships: `--model.base bundled`. It is a base for
fine-tuning and answers no questions by itself: there is no prompt to ask it by. Its chat template is that of a plain chat, for
formats that write into one (`--data.format chat_template`).

## Training data

{done.tokens:,} tokens in {done.steps:,} steps of {data["batch_size"]} texts ({done.epochs} short epochs),
{format_seconds(done.seconds)} of training time on CPU cores that were shared with other work.

- Sources (row counts include held-out rows): {rows}.
- Texts with their sampling weights (a task's inputs, never its outputs): {mix}. SMILES, canonical and in random
  orders, names and synonyms, SELFIES, formulas, and English were read one at a time: no text has a structure together with its
  name.
- English: WordNet 3.0 (its licence: free to use and to copy), GCIDE (GPL) and the words of CMUdict (BSD), if listed among the
  sources above. The texts are not part of this project.
- The loss is on all tokens, with {optimizer["class_path"]} {optimizer["init_args"]["lr"]}.

## Held-out data

Training excluded the validation and test molecules of the built-in tasks (hash split, seed {data["split_seed"]},
{data["val_fraction"]:.0%} and {data["test_fraction"]:.0%}), by the connectivity block of their InChIKey:
no SMILES, name, synonym, SELFIES or formula was read from their rows, and no English text that names one of them in up to
four words. A formula that isomers share, and a component of another molecule's salt, can still be the same. Other splits
(`--data.split scaffold`, another `split_seed` or larger fractions) hold out molecules that were in its training data.

## Results

Bits per character of held-out texts (their tokens and the stop token), with these weights and with random ones
of the same architecture and tokenizer:

| texts | pretrained | random | texts measured |
|---|---|---|---|
{chr(10).join(lines)}

Made by `python train.py fit --config configs/pretrain.yaml --trainer.max_epochs {done.config["trainer"]["max_epochs"]}` and
`make bundled`; the learning rate was constant, then decayed over the last
{done.config["model"]["decay_fraction"]:.0%} of the steps.

## Licence

Apache-2.0 for the weights, as for Patois. They were trained on the texts above under those texts' own licences.
"""


def make_bundled_head(measured: Mapping[str, tuple[float, float, int]], sources: Iterable[str]) -> str:
    """Return the head of the card, without its rules.

    Args:
        measured: As `describe` takes it.
        sources: What the base was trained on.
    """
    data = name_data(next(iter(sources)))
    results = [
        EvalResult(
            task_type="text-generation", task_name=name, dataset_type=data, dataset_name=data, dataset_config=name,
            metric_type="bits_per_character", metric_name="bits per character", metric_value=round(bits, 4),
        )
        for name, (bits, _, _) in measured.items()
    ]  # fmt: skip
    licence = Licence("apache-2.0", None, "")
    name = f"Patois {BUNDLED.name} base"
    return str(make_head([], sources, None, licence, results, ["bits_per_character"], name))


def bundle(run: Path, folder: Path = BUNDLED, texts: int = 500) -> str:
    """Export a run and write its model card; returns the card.

    Args:
        run: The pretraining run's folder.
        folder: Where to write.
        texts: Held-out texts of each kind to measure on.
    """
    done = export(run, folder)
    tokenizer = load_tokenizer(str(folder))
    torch.manual_seed(0)
    random, ours = (load_decoder(str(folder), init).eval() for init in ("random", "pretrained"))
    measured = {}
    data = {**done.config["data"], "seed": done.config["seed_everything"]}
    for name, held_out in Texts(data).held_out(texts).items():
        bits = [bits_per_character(decoder, tokenizer, held_out) for decoder in (ours, random)]
        measured[name] = (bits[0], bits[1], len(held_out))
    card = describe(done, measured, ours.num_parameters())
    (folder / "README.md").write_text(card, encoding="utf-8")
    return card


def main(argv: list[str] | None = None) -> None:
    """Export, measure and print the card."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--run", type=Path, required=True, help="folder of the pretraining run, runs/NAME")
    parser.add_argument("--folder", type=Path, default=BUNDLED, help="where to write")
    parser.add_argument("--texts", type=int, default=500, help="held-out texts of each kind to measure on")
    arguments = parser.parse_args(argv)
    sys.stdout.write(bundle(arguments.run, arguments.folder, arguments.texts))


if __name__ == "__main__":
    main()
