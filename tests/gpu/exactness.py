"""Does a device compute what a CPU computes: losses, gradients and texts of tiny decoders of every architecture."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

import numpy as np
import torch
from torch import Tensor

from datamodules.tokens.batching import BatchDataset
from datamodules.tokens.examples import Encoded
from lightning_modules.decoder.decoders import load_decoder, load_tokenizer
from lightning_modules.decoder.packing_support import ATTENTIONS, PACKABLE
from lightning_modules.generation.generate import GenerationSettings, generate
from lightning_modules.training.training_loss import training_loss
from tests.gpu.place import Place, Result, check
from tests.helpers.runs import PAIRS
from tests.helpers.tiny import ARCHITECTURES, make_batch, make_rows, make_tiny, make_tokenizer, save_tiny
from tests.helpers.tiny_runs import Recorder, RowsData, make_module, make_trainer, uneven_rows

SAME = 1e-4
"""Largest relative difference in float32, whose sums another device adds in another order."""
LOSS_BF16, GRADIENT_BF16 = 0.02, 0.2
"""Largest relative difference between bf16-mixed and float32: a bf16 number has 8 bits, one in 256."""
TRAINED_BF16 = 0.05
"""The same of the loss after training in either precision."""
Losses = tuple[float, Tensor]


def loss_and_gradient(decoder: Any, batches: list[Any], device: str, bf16: bool = False) -> Losses:
    """Return the mean loss of the batches' supervised tokens, and its gradient on the CPU."""
    decoder = decoder.to(device)
    decoder.zero_grad()
    total, tokens = torch.zeros((), device=device), torch.zeros((), device=device)
    with torch.autocast(device, torch.bfloat16, enabled=bf16, cache_enabled=False):
        for batch in batches:
            there = {name: value.to(device) for name, value in batch.items() if isinstance(value, Tensor)}
            loss, count = training_loss(decoder, there, "", share_prefix=False, choose_attention=False)
            total, tokens = total + loss, tokens + count
    mean = total / tokens
    mean.backward()
    gradients = [p.grad.flatten().float().cpu() for p in decoder.parameters() if p.grad is not None]
    return float(mean.detach()), torch.cat(gradients)


def differences(found: Losses, expected: Losses) -> tuple[float, float]:
    """Return the relative differences of the losses and of the gradients."""
    return (
        abs(found[0] - expected[0]) / abs(expected[0]),
        float((found[1] - expected[1]).norm() / expected[1].norm()),
    )


def padded() -> list[dict[str, Tensor]]:
    """Return a batch of eight rows of very different length."""
    return [make_batch(uneven_rows(), int(make_tokenizer().pad_token_id))]


def families(place: Place) -> Iterator[Result]:
    """Compare loss and gradient in float32 with the CPU's."""
    for architecture in ARCHITECTURES:
        there = loss_and_gradient(make_tiny(architecture), padded(), place.device)
        here = loss_and_gradient(make_tiny(architecture), padded(), "cpu")
        yield check(f"{architecture}: loss and gradient", max(differences(there, here)), SAME)


def mixed_precision(place: Place) -> Iterator[Result]:
    """Compare bf16-mixed with float32: a step of each architecture, of the bundled base, and a short training."""
    for architecture in ARCHITECTURES:
        low, full = (
            loss_and_gradient(make_tiny(architecture), padded(), place.device, bf16) for bf16 in (True, False)
        )
        loss, gradient = differences(low, full)
        yield check(f"{architecture}: loss", loss, LOSS_BF16)
        yield check(f"{architecture}: gradient", gradient, GRADIENT_BF16)
    decoder, batch = load_decoder("bundled"), [bundled_batch()]
    low, full = (loss_and_gradient(decoder, batch, place.device, bf16) for bf16 in (True, False))
    loss, gradient = differences(low, full)
    yield check("bundled base: loss", loss, LOSS_BF16)
    yield check("bundled base: gradient", gradient, GRADIENT_BF16)
    base = save_tiny(place.folder / "base")
    low_loss, full_loss = (train(place, base, precision)[-1] for precision in ("bf16-mixed", "32-true"))
    yield check("llama: loss after 40 steps", abs(low_loss - full_loss) / full_loss, TRAINED_BF16)


def bundled_batch() -> dict[str, Tensor]:
    """Return the molecules and names of the tests as a batch for the bundled base."""
    tokenizer: Any = load_tokenizer("bundled")
    rows = make_rows(tokenizer, [(f"{smiles} -> ", name) for smiles, name in PAIRS])
    return make_batch(rows, int(tokenizer.pad_token_id))


def train(place: Place, base: str, precision: str, epochs: int = 20, **options: Any) -> list[float]:
    """Return the losses of a training on eight rows, four a step."""
    recorder = Recorder()
    trainer = make_trainer(
        accelerator=place.accelerator,
        precision=precision,
        callbacks=[recorder],
        log_every_n_steps=1,
        max_epochs=epochs,
    )
    trainer.fit(make_module(base, **options), RowsData(uneven_rows(), 4))
    return recorder.losses


def generation(place: Place) -> Iterator[Result]:
    """Count the rows whose greedy text in float32 is not the CPU's."""
    decoders: dict[str, Any] = {
        name: (make_tiny(name), make_tokenizer(), padded()[0]) for name in ARCHITECTURES
    }
    decoders["bundled base"] = (load_decoder("bundled").eval(), load_tokenizer("bundled"), bundled_batch())
    settings = GenerationSettings(max_new_tokens=16)
    for name, (decoder, tokenizer, batch) in decoders.items():
        here, there = (
            generate(
                decoder.to(device), tokenizer, batch["prompt_ids"].to(device), batch["prompt_mask"].to(device),
                settings, slots=3,
            )
            for device in ("cpu", place.device)
        )  # fmt: skip
        yield check(
            f"{name}: texts that differ", sum(a != b for a, b in zip(here.text, there.text, strict=True)), 0
        )
        apart = (here.score - there.score.cpu()).abs().max() / here.score.abs().max()
        yield check(f"{name}: scores", float(apart), SAME)


def rows_to_pack() -> Encoded:
    """Return five short rows."""
    lengths = [9, 5, 12, 7, 3]
    offsets = np.concatenate([[0], np.cumsum(lengths)])
    ids = np.random.default_rng(0).integers(5, 200, offsets[-1])
    return Encoded(ids.astype(np.int32), offsets, np.array(lengths) // 3)


def packing(place: Place) -> Iterator[Result]:
    """Compare packed rows with the same rows alone, with the masks that `--data.packing` takes; then FlexAttention."""
    rows = rows_to_pack()
    alone = [BatchDataset(rows, [np.array([row])], pad_id=0)[0] for row in range(len(rows))]
    packed = [BatchDataset(rows, [np.arange(len(rows))], pad_id=0, pack_to=24)[0]]
    for architecture in PACKABLE:
        for attention in ATTENTIONS:
            decoder: Any = make_tiny(architecture)
            if attention == "sdpa" and not decoder._supports_sdpa:
                continue
            decoder.set_attn_implementation(attention)
            each = loss_and_gradient(decoder, alone, place.device)
            apart = differences(loss_and_gradient(decoder, packed, place.device), each)
            yield check(f"{architecture}, {attention}: loss and gradient", max(apart), SAME)
    yield from flex_packing(place)


def flex_packing(place: Place) -> Iterator[Result]:
    """Compare logits of packed rows by FlexAttention and position ids with those of rows alone. Training does not use it yet.

    Without a GPU FlexAttention is not compiled, so it computes as it is written down.
    """
    torch.compiler.set_stance("force_eager" if place.tiny else "default")
    rows = rows_to_pack()
    ids = torch.from_numpy(rows.ids.astype(np.int64))[None].to(place.device)
    positions = torch.cat([torch.arange(length) for length in rows.lengths.tolist()])[None].to(place.device)
    for architecture in ("llama", "qwen3"):
        head = {"head_dim": 16} if architecture == "qwen3" else {"num_attention_heads": 2}  # Triton needs 16
        decoder: Any = make_tiny(architecture, **head)
        decoder = decoder.to(place.device)
        bounds = zip(rows.offsets[:-1].tolist(), rows.offsets[1:].tolist(), strict=True)
        with torch.no_grad():
            each = torch.cat([decoder(ids[:, first:last]).logits for first, last in bounds], dim=1)
            decoder.set_attn_implementation("flex_attention")
            together = decoder(ids, position_ids=positions, use_cache=False).logits
        apart = float((together - each).norm() / each.norm())
        yield check(f"{architecture}, flex_attention (not used in training): logits", apart, SAME)
    torch.compiler.set_stance("default")


def compiled(place: Place) -> Iterator[Result]:
    """Compare compiled training with plain training, and time its first steps."""
    for architecture in ("llama", "opt"):
        base = save_tiny(place.folder / architecture, architecture)
        plain = train(place, base, "32-true", epochs=3)
        begun = time.perf_counter()
        fast = train(place, base, "32-true", epochs=3, compile=True)
        seconds = time.perf_counter() - begun
        apart = max(abs(one - other) / other for one, other in zip(fast, plain, strict=True))
        yield {**check(f"{architecture}: losses of 6 steps", apart, SAME), "seconds": seconds}
