"""Evaluate a decoder: compute the loss of evaluation rows, and generate each text once for all metrics."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor
from transformers import PreTrainedModel, PreTrainedTokenizerBase

from lightning_modules.decoder.adapters import rows_in_place
from lightning_modules.generation.candidates import draw_candidates
from lightning_modules.generation.constrained import Constraint
from lightning_modules.generation.generate import GenerationSettings, generate
from lightning_modules.training.loss import RowLosses, loss_in_chunks

ConstraintsOf = Callable[[list[int]], Sequence[Constraint | None]]
"""Maps row indices to the constraints of these rows."""


@contextmanager
def as_written(device: torch.device) -> Iterator[None]:
    """Evaluate uncompiled and in the precision of the weights (fp32 under `bf16-mixed`), regardless of training.

    In bf16 a row's greedy text depends on the other rows in its batch (docs/pitfalls.md 13), so exact match would depend on the
    batch size. Autocast would also cast all weights again at each decoding step, and a compiler would meet new shapes.
    """
    with torch.autocast(device.type, enabled=False), torch.compiler.set_stance("force_eager"):
        yield


def find_constraints(
    settings: GenerationSettings, constraints_of: ConstraintsOf | None, index: Tensor
) -> Sequence[Constraint | None] | None:
    """Return the constraint of each row, or None if the settings do not require valid text.

    Args:
        settings: `only_valid` requires constraints.
        constraints_of: Defines validity; None if no callback does.
        index: `(B,)` row indices.

    Raises:
        ValueError: If the settings require valid text and no callback defines validity.
    """
    if not settings.only_valid:
        return None
    if constraints_of is None:
        raise ValueError(
            "Expected callbacks.metrics.constrained_decoding.ConstrainedDecoding among the callbacks, since it defines validity, "
            "but the configuration has none: add "
            "--trainer.callbacks+=callbacks.metrics.constrained_decoding.ConstrainedDecoding to "
            "--model.generation.only_valid true."
        )
    return constraints_of(index.tolist())


@dataclass(frozen=True)
class Evaluator:
    """Computes losses and answers of evaluation batches; see `CausalLM` for their keys."""

    decoder: PreTrainedModel
    tokenizer: PreTrainedTokenizerBase
    settings: GenerationSettings

    def compute_loss(self, batch: dict[str, Any]) -> RowLosses:
        """Return the losses of the batch's supervised tokens, and their numbers."""
        input_ids = batch["input_ids"]
        return loss_in_chunks(self.decoder, input_ids, batch["labels"], batch.get("slots", len(input_ids)))

    def answer(
        self,
        batch: dict[str, Any],
        constraints_of: ConstraintsOf | None = None,
        with_candidates: bool = False,
    ) -> dict[str, Any]:
        """Generate an answer for each row of the batch, including filler rows (index -1).

        Args:
            batch: With `prompt_ids`, `prompt_mask` and `row_index`.
            constraints_of: Maps row indices to constraints, for `settings.only_valid`.
            with_candidates: Also draw the candidates that the settings request.

        Returns:
            `row_index` `(B,)`, `prediction` (B texts), `score` `(B,)` (sum of the log-probabilities of the generated
            tokens), `stopped` `(B,)` and `num_tokens` `(B,)`; the tensors are on the decoder's device. With candidates also
            `candidates`, B lists of answers, the prediction first; with constraints also `replaced` `(B,)`.
        """
        arguments = self.decoder, self.tokenizer, batch["prompt_ids"], batch["prompt_mask"], self.settings
        index, slots = batch["row_index"], batch.get("slots")
        further: dict[str, Any] = {}
        constraints = find_constraints(self.settings, constraints_of, index)
        with rows_in_place(self.decoder):
            generated = generate(*arguments, index, slots, constraints)
            if with_candidates and self.settings.candidates > 1:
                further["candidates"] = draw_candidates(*arguments, index, generated, slots, constraints)
        if constraints is not None:
            further["replaced"] = generated.replaced
        return further | {
            "row_index": index,
            "prediction": generated.text,
            "score": generated.score,
            "stopped": generated.stopped,
            "num_tokens": generated.num_tokens,
        }


@torch.inference_mode()
def answer_untrained(
    load: Callable[[], PreTrainedModel],
    tokenizer: PreTrainedTokenizerBase,
    settings: GenerationSettings,
    batch: dict[str, Any],
    device: torch.device,
) -> list[str]:
    """Return a base's unconstrained answers to the prompts of a batch. Random weights are the same in each call.

    Args:
        load: Loads the base without any fine-tuning.
        tokenizer: Its tokenizer.
        settings: How to generate.
        batch: On any device.
        device: Where to generate.
    """
    with torch.random.fork_rng():
        torch.manual_seed(0)
        decoder = load()
    torch.nn.Module.to(decoder, device)  # transformers annotates its own `to` as taking a model
    prompts = {name: batch[name].to(device) for name in ("prompt_ids", "prompt_mask")}
    evaluator = Evaluator(decoder, tokenizer, replace(settings, only_valid=False))
    with as_written(device):
        texts: list[str] = evaluator.answer(batch | prompts)["prediction"]
    return texts
