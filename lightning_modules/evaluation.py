"""Evaluate a decoder: compute the loss of evaluation rows, and generate each text once for all metrics."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from transformers import PreTrainedModel, PreTrainedTokenizerBase

from lightning_modules.decoder.adapters import rows_in_place
from lightning_modules.generation.blocking import Source
from lightning_modules.generation.candidates import draw_candidates
from lightning_modules.generation.choices import Choices, normalize_scores, score_choices
from lightning_modules.generation.constrained import Constraint
from lightning_modules.generation.drafts import Begun, Drafts
from lightning_modules.generation.generate import GenerationSettings, generate, make_drafts
from lightning_modules.training.loss import RowLosses, loss_in_chunks

ConstraintsOf = Callable[[list[int]], Sequence[Constraint | None]]
"""Maps row indices to the constraints of these rows."""
SourcesOf = Callable[[list[int]], Sequence[Source | None]]
"""Maps row indices to the texts of these rows that are to be worded in another way."""


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
    """Return the constraint of each row, or None if the settings restrict no text.

    Args:
        settings: `only_valid` and `only_from` require constraints.
        constraints_of: Defines validity; None if no callback does.
        index: `(B,)` row indices.

    Raises:
        ValueError: If the settings require constraints and no callback defines them.
    """
    if not settings.only_valid and settings.only_from is None:
        return None
    if constraints_of is None:
        raise ValueError(
            "Expected callbacks.metrics.constrained_decoding.ConstrainedDecoding among the callbacks, since it defines validity, "
            "but the configuration has none: add "
            "--trainer.callbacks+=callbacks.metrics.constrained_decoding.ConstrainedDecoding to "
            "--model.generation.only_valid true or only_from input."
        )
    return constraints_of(index.tolist())


def find_sources(
    settings: GenerationSettings, sources_of: SourcesOf | None, index: Tensor
) -> Sequence[Source | None] | None:
    """Return the source of each row, or None if the settings block none.

    Args:
        settings: `block` requires sources.
        sources_of: Finds them; None if no callback does.
        index: `(B,)` row indices.

    Raises:
        ValueError: If the settings require sources and no callback finds them.
    """
    if not settings.block:
        return None
    if sources_of is None:
        raise ValueError(
            "Expected callbacks.metrics.kinds.wordings.Wordings among the callbacks, since it finds the texts to block, but the "
            "configuration has none: add --trainer.callbacks+=callbacks.metrics.kinds.wordings.Wordings to "
            f"--model.generation.block {settings.block:g}."
        )
    return sources_of(index.tolist())


@dataclass(frozen=True)
class Evaluator:
    """Computes losses and answers of evaluation batches; see `CausalLM` for their keys."""

    decoder: PreTrainedModel
    tokenizer: PreTrainedTokenizerBase
    settings: GenerationSettings

    def make_drafts(
        self, batch: dict[str, Any], constraints_of: ConstraintsOf | None = None
    ) -> Drafts | None:
        """Return what reads answers off the targets while the loss is computed; None if the batch's rows are not drafted."""
        if "prompt_ids" not in batch or "choice_ids" in batch:
            return None
        constraints = find_constraints(self.settings, constraints_of, batch["row_index"])
        return make_drafts(self.decoder, self.tokenizer, batch["prompt_mask"], self.settings, constraints)

    def compute_loss(self, batch: dict[str, Any], drafts: Drafts | None = None) -> RowLosses:
        """Return the losses of the batch's supervised tokens, and their numbers; let `drafts` read the same pass."""
        input_ids = batch["input_ids"]
        rows = batch.get("slots", len(input_ids))
        return loss_in_chunks(self.decoder, input_ids, batch["labels"], rows, drafts)

    def answer(
        self,
        batch: dict[str, Any],
        constraints_of: ConstraintsOf | None = None,
        with_candidates: bool = False,
        sources_of: SourcesOf | None = None,
        begun: Begun | None = None,
    ) -> dict[str, Any]:
        """Answer each row of the batch, including filler rows (index -1): score its choices, or generate text if it has none.

        Args:
            batch: With `prompt_ids`, `prompt_mask` and `row_index`; rows with choices also `choice_ids` and so on.
            constraints_of: Maps row indices to constraints, for `settings.only_valid`.
            with_candidates: Also draw the candidates that the settings request.
            sources_of: Maps row indices to sources, for `settings.block`.
            begun: What drafts have found out of the rows' answers.

        Returns:
            `row_index` `(B,)`, `prediction` (B texts), `score` `(B,)` (sum of the log-probabilities of the generated
            tokens, or the log-probability of the chosen one among the choices), `stopped` `(B,)` and `num_tokens` `(B,)`; the
            tensors are on the decoder's device. With choices also `choices` `(B, K)`, their log-probabilities, and minus
            infinity where a row has no more. With candidates also `candidates`, B lists of answers, the prediction first; with
            constraints also `replaced` `(B,)`.
        """
        if "choice_ids" not in batch:
            return self._generate(batch, constraints_of, with_candidates, sources_of, begun)
        chosen = self._choose(batch)
        plain = (chosen["choices"] == -torch.inf).all(dim=1).nonzero()[:, 0]
        if not len(plain):
            return chosen
        rows = {name: batch[name][plain] for name in ("prompt_ids", "prompt_mask", "row_index")}
        generated = self._generate(batch | rows, constraints_of, with_candidates, sources_of)
        return _merge(chosen, generated, plain)

    def _choose(self, batch: dict[str, Any]) -> dict[str, Any]:
        """Return the most probable choice of each row; nothing for a row without choices."""
        choices = Choices(batch["choice_ids"], batch["choice_lengths"], batch["choice_row"])
        count, slots = len(batch["row_index"]), batch.get("slots", len(batch["row_index"]))
        with rows_in_place(self.decoder):
            scores = score_choices(self.decoder, batch["prompt_ids"], batch["prompt_mask"], choices, slots)
            nulls = None
            if self.settings.choice_score == "pmi":
                nulls = score_choices(self.decoder, batch["null_ids"], batch["null_mask"], choices, slots)
        table = normalize_scores(scores, choices, count, self.settings.choice_score, nulls)
        score, best = table.max(dim=1)
        counts = torch.bincount(choices.rows, minlength=count)
        # A row without choices points to some choice, which `_merge` replaces.
        places = (counts.cumsum(0) - counts + best).clamp(max=len(scores) - 1)
        lengths = choices.lengths[places]
        ids = [
            row[:length] for row, length in zip(choices.ids[places].tolist(), lengths.tolist(), strict=True)
        ]
        texts = self.tokenizer.batch_decode(ids, skip_special_tokens=True, clean_up_tokenization_spaces=False)
        return {
            "row_index": batch["row_index"],
            "prediction": texts,
            "score": score,
            "stopped": torch.ones_like(lengths, dtype=torch.bool),
            "num_tokens": lengths,
            "choices": table,
        }

    def _generate(
        self,
        batch: dict[str, Any],
        constraints_of: ConstraintsOf | None,
        with_candidates: bool,
        sources_of: SourcesOf | None,
        begun: Begun | None = None,
    ) -> dict[str, Any]:
        """Generate an answer for each row."""
        arguments = self.decoder, self.tokenizer, batch["prompt_ids"], batch["prompt_mask"], self.settings
        index, slots = batch["row_index"], batch.get("slots")
        further: dict[str, Any] = {}
        constraints = find_constraints(self.settings, constraints_of, index)
        sources = find_sources(self.settings, sources_of, index)
        with rows_in_place(self.decoder):
            generated = generate(*arguments, index, slots, constraints, sources, begun)
            if with_candidates and self.settings.candidates > 1:
                drawn = draw_candidates(*arguments, index, generated, slots, constraints, sources)
                further["candidates"] = drawn
        if constraints is not None:
            further["replaced"] = generated.replaced
        return further | {
            "row_index": index,
            "prediction": generated.text,
            "score": generated.score,
            "stopped": generated.stopped,
            "num_tokens": generated.num_tokens,
        }


def _merge(chosen: dict[str, Any], generated: dict[str, Any], plain: Tensor) -> dict[str, Any]:
    """Return the answers of a batch whose rows `plain` were generated and whose others were chosen."""
    merged = dict(chosen)
    for name in ("score", "stopped", "num_tokens"):
        merged[name] = chosen[name].index_copy(0, plain, generated[name].to(chosen[name]))
    if "replaced" in generated:
        merged["replaced"] = torch.zeros_like(chosen["num_tokens"]).index_copy(
            0, plain, generated["replaced"].to(chosen["num_tokens"])
        )
    texts, places = list(chosen["prediction"]), plain.tolist()
    for place, text in zip(places, generated["prediction"], strict=True):
        texts[place] = text
    merged["prediction"] = texts
    if "candidates" in generated:
        candidates: list[Any] = [()] * len(texts)
        for place, drawn in zip(places, generated["candidates"], strict=True):
            candidates[place] = drawn
        merged["candidates"] = candidates
    return merged


@torch.inference_mode()
def answer_untrained(
    load: Callable[[], PreTrainedModel],
    tokenizer: PreTrainedTokenizerBase,
    settings: GenerationSettings,
    batch: dict[str, Any],
    device: torch.device,
) -> dict[str, Any]:
    """Return a base's unconstrained answers to a batch, as `Evaluator.answer`. Random weights are the same in each call.

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
    tensors = {name: value.to(device) for name, value in batch.items() if isinstance(value, Tensor)}
    evaluator = Evaluator(decoder, tokenizer, settings.as_plain())
    with as_written(device):
        return evaluator.answer(batch | tensors)
