"""What answers depend on, as texts that can be compared: the weights and how they are asked to answer."""

from __future__ import annotations

import hashlib

import torch
from lightning.pytorch import LightningModule

from callbacks.rows.protocols import evaluated_model


def hash_weights(module: torch.nn.Module) -> str:
    """Return the hash of a module's parameters and buffers: names, types, shapes and bytes (about a gigabyte a second)."""
    state = hashlib.blake2b(digest_size=16)
    for name, tensor in module.state_dict().items():
        if not isinstance(tensor, torch.Tensor):
            continue
        state.update(f"{name} {tensor.dtype} {tuple(tensor.shape)}\0".encode())
        plain = tensor.detach().cpu().contiguous().reshape(-1)
        state.update(plain.view(torch.uint8).numpy().data if len(plain) else b"")
    return state.hexdigest()


def describe_answers(pl_module: LightningModule, questions: str, reads_names: bool) -> dict[str, str]:
    """Return what the answers to some questions depend on, by a name for people.

    How rows are batched, and on how many ranks, is left out: it changes nothing but the rounding of scores.

    Args:
        pl_module: The model with the weights that answer.
        questions: The hash of the questions.
        reads_names: Whether OPSIN is wanted for names.
    """
    return {
        "rows": questions,
        "weights": hash_weights(pl_module),
        "settings": f"{evaluated_model(pl_module).generation}, names are read: {reads_names}",
    }
