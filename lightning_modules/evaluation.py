"""The half of the LightningModule that evaluates: the loss of evaluation rows, and text generated once for every metric."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import torch
from lightning.pytorch import LightningModule
from torch import Tensor
from transformers import PreTrainedModel, PreTrainedTokenizerBase

from lightning_modules.decoder.adapters import rows_in_place
from lightning_modules.decoder.bases import Init
from lightning_modules.decoder.decoders import load_decoder
from lightning_modules.generation.candidates import draw_candidates
from lightning_modules.generation.constrained import Constraint
from lightning_modules.generation.generate import GenerationSettings, generate
from lightning_modules.training.loss import loss_in_chunks
from lightning_modules.training.token_mean import TokenMean


class AnsweringModule(LightningModule):
    """Validates, tests and predicts with a decoder; `CausalLM` says what batches hold, and trains it."""

    decoder: PreTrainedModel
    tokenizer: PreTrainedTokenizerBase
    generation: GenerationSettings
    base: str
    init: Init | None
    attention: str | None
    trust_remote_code: bool
    new_tokens: list[str]

    def __init__(self) -> None:
        """Begin with nothing counted; what is declared above is the subclass's to set."""
        super().__init__()
        self.val_loss = TokenMean()
        self.test_loss = TokenMean()
        self.constraints_of: Callable[[list[int]], Sequence[Constraint | None]] | None = None
        """Gives the constraints of rows, by their index, for `generation.only_valid`: a callback knows what is valid."""

    def validation_step(self, batch: dict[str, Any], batch_idx: int) -> dict[str, Any] | None:
        """Add to val/loss and generate; see `_predictions` for the value."""
        with self._as_written():
            return self._evaluate("val/loss", self.val_loss, batch)

    def test_step(self, batch: dict[str, Any], batch_idx: int) -> dict[str, Any] | None:
        """Add to test/loss and generate; see `_predictions` for the value."""
        with self._as_written():
            return self._evaluate("test/loss", self.test_loss, batch, with_candidates=True)

    def predict_step(self, batch: dict[str, Any], batch_idx: int) -> dict[str, Any]:
        """Generate; see `_predictions` for the value."""
        with self._as_written():
            return self._predictions(batch, with_candidates=True)

    @contextmanager
    def _as_written(self) -> Iterator[None]:
        """Evaluate uncompiled and in the precision of the weights (fp32 under `bf16-mixed`), whatever training does.

        In bf16 a row's greedy text depends on the rows beside it (PITFALLS 13), so that the same weights would get
        another exact match with another batch size. And at each step of decoding autocast would cast all weights anew,
        and a compiler would meet new shapes.
        """
        with torch.autocast(self.device.type, enabled=False), torch.compiler.set_stance("force_eager"):
            yield

    def _evaluate(
        self, name: str, loss: TokenMean, batch: dict[str, Any], with_candidates: bool = False
    ) -> dict[str, Any] | None:
        rows = len(batch["input_ids"])
        loss.update(
            *loss_in_chunks(self.decoder, batch["input_ids"], batch["labels"], batch.get("slots", rows))
        )
        self.log(name, loss, on_step=False, on_epoch=True, batch_size=rows)
        return self._predictions(batch, with_candidates) if "prompt_ids" in batch else None

    def _predictions(self, batch: dict[str, Any], with_candidates: bool = False) -> dict[str, Any]:
        """Generate for each row of the batch, filler rows (index -1) included.

        Returns:
            `row_index` `(B,)`, `prediction` (B texts), `score` `(B,)` sum of the log-probabilities of the generated
            tokens, `stopped` `(B,)` and `num_tokens` `(B,)`; the tensors on the module's device. With candidates also
            `candidates`, B lists of answers, the prediction first; with constraints also `replaced` `(B,)`.
        """
        asked = self.decoder, self.tokenizer, batch["prompt_ids"], batch["prompt_mask"], self.generation
        index, slots = batch["row_index"], batch.get("slots")
        further: dict[str, Any] = {}
        constraints = self._constraints(index)
        with rows_in_place(self.decoder):
            generated = generate(*asked, index, slots, constraints)
            if with_candidates and self.generation.candidates > 1:
                further["candidates"] = draw_candidates(*asked, index, generated, slots, constraints)
        if constraints is not None:
            further["replaced"] = generated.replaced
        return further | {
            "row_index": batch["row_index"],
            "prediction": generated.text,
            "score": generated.score,
            "stopped": generated.stopped,
            "num_tokens": generated.num_tokens,
        }

    def _constraints(self, index: Tensor) -> Sequence[Constraint | None] | None:
        """Return what each row's text may be, or None where that is not asked for."""
        if not self.generation.only_valid:
            return None
        if self.constraints_of is None:
            raise ValueError(
                "Expected callbacks.metrics.constrained_decoding.ConstrainedDecoding among the callbacks, for it says what is "
                "valid, but the configuration has none: add "
                "--trainer.callbacks+=callbacks.metrics.constrained_decoding.ConstrainedDecoding to "
                "--model.generation.only_valid true."
            )
        return self.constraints_of(index.tolist())

    def _load_base(self, gradient_checkpointing: bool = False) -> PreTrainedModel:
        """Load the base as the flags say, before any fine-tuning."""
        return load_decoder(
            self.base,
            self.init,
            gradient_checkpointing=gradient_checkpointing,
            trust_remote_code=self.trust_remote_code,
            new_tokens=self.new_tokens,
            attention=self.attention,
        )

    @torch.inference_mode()
    def answer_untrained(self, batch: dict[str, Any]) -> list[str]:
        """Return what the base writes to the prompts of a batch before any fine-tuning; it is loaded once more for that.

        The settings are the run's, without constraint. Random weights are always the same ones.
        """
        with torch.random.fork_rng():
            torch.manual_seed(0)
            decoder = self._load_base()
        torch.nn.Module.to(decoder, self.device)  # transformers annotates its own as taking a model
        settings = replace(self.generation, only_valid=False)
        prompts = batch["prompt_ids"].to(self.device), batch["prompt_mask"].to(self.device)
        with self._as_written():
            return generate(
                decoder, self.tokenizer, *prompts, settings, batch["row_index"], batch["slots"]
            ).text
