"""What evaluates a decoder: the loss of evaluation rows, and text that is generated once for every metric."""

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
from lightning_modules.training.loss import loss_in_chunks

ConstraintsOf = Callable[[list[int]], Sequence[Constraint | None]]
"""Gives the constraints of rows, by their index."""


@contextmanager
def as_written(device: torch.device) -> Iterator[None]:
    """Evaluate uncompiled and in the precision of the weights (fp32 under `bf16-mixed`), whatever training does.

    In bf16 a row's greedy text depends on the rows beside it (PITFALLS 13), so that the same weights would get
    another exact match with another batch size. And at each step of decoding autocast would cast all weights anew,
    and a compiler would meet new shapes.
    """
    with torch.autocast(device.type, enabled=False), torch.compiler.set_stance("force_eager"):
        yield


def find_constraints(
    settings: GenerationSettings, constraints_of: ConstraintsOf | None, index: Tensor
) -> Sequence[Constraint | None] | None:
    """Return what each row's text may be, or None where that is not asked for.

    Args:
        settings: Whether it is asked for.
        constraints_of: Knows what is valid; None if no callback does.
        index: `(B,)` row indices.

    Raises:
        ValueError: If it is asked for and nobody knows.
    """
    if not settings.only_valid:
        return None
    if constraints_of is None:
        raise ValueError(
            "Expected callbacks.metrics.constrained_decoding.ConstrainedDecoding among the callbacks, for it says what is valid, "
            "but the configuration has none: add "
            "--trainer.callbacks+=callbacks.metrics.constrained_decoding.ConstrainedDecoding to "
            "--model.generation.only_valid true."
        )
    return constraints_of(index.tolist())


@dataclass(frozen=True)
class Evaluator:
    """Asks a decoder the rows of evaluation batches; see `CausalLM` for what these hold."""

    decoder: PreTrainedModel
    tokenizer: PreTrainedTokenizerBase
    settings: GenerationSettings

    def compute_loss(self, batch: dict[str, Any]) -> tuple[Tensor, Tensor]:
        """Return the sum of the losses of the batch's supervised tokens, and their number: two scalars."""
        input_ids = batch["input_ids"]
        return loss_in_chunks(self.decoder, input_ids, batch["labels"], batch.get("slots", len(input_ids)))

    def answer(
        self,
        batch: dict[str, Any],
        constraints_of: ConstraintsOf | None = None,
        with_candidates: bool = False,
    ) -> dict[str, Any]:
        """Generate for each row of the batch, filler rows (index -1) included.

        Args:
            batch: With `prompt_ids`, `prompt_mask` and `row_index`.
            constraints_of: Gives the constraints of rows, if the settings ask for only what is valid.
            with_candidates: Also draw the further answers that the settings ask for.

        Returns:
            `row_index` `(B,)`, `prediction` (B texts), `score` `(B,)` sum of the log-probabilities of the generated
            tokens, `stopped` `(B,)` and `num_tokens` `(B,)`; the tensors on the decoder's device. With candidates also
            `candidates`, B lists of answers, the prediction first; with constraints also `replaced` `(B,)`.
        """
        asked = self.decoder, self.tokenizer, batch["prompt_ids"], batch["prompt_mask"], self.settings
        index, slots = batch["row_index"], batch.get("slots")
        further: dict[str, Any] = {}
        constraints = find_constraints(self.settings, constraints_of, index)
        with rows_in_place(self.decoder):
            generated = generate(*asked, index, slots, constraints)
            if with_candidates and self.settings.candidates > 1:
                further["candidates"] = draw_candidates(*asked, index, generated, slots, constraints)
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
    """Return what a base writes to the prompts of a batch, without constraint. Random weights are always the same ones.

    Args:
        load: Loads the base, before any fine-tuning.
        tokenizer: Its tokenizer.
        settings: How to generate.
        batch: On any device.
        device: Where to generate.
    """
    with torch.random.fork_rng():
        torch.manual_seed(0)
        decoder = load()
    torch.nn.Module.to(decoder, device)  # transformers annotates its own as taking a model
    prompts = {name: batch[name].to(device) for name in ("prompt_ids", "prompt_mask")}
    evaluator = Evaluator(decoder, tokenizer, replace(settings, only_valid=False))
    with as_written(device):
        texts: list[str] = evaluator.answer(batch | prompts)["prediction"]
    return texts
