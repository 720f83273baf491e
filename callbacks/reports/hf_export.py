"""Export the best weights at the end of training, as a Hugging Face folder that any tool loads."""

from __future__ import annotations

import contextlib
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import torch
from lightning.pytorch import LightningModule, Trainer

from callbacks.loggers.terminal import say
from callbacks.reports.hf_folder import make_portable
from callbacks.reports.model_card import Card, describe_model, eval_results
from callbacks.rows.protocols import EvaluatedModel, EvaluationData, evaluated_model, evaluation_data
from callbacks.run.run_facts import (
    METRICS_KEY,
    MetricsKeeper,
    best_checkpoint,
    current_metrics,
    is_trial,
    load_checkpoint,
    run_folder,
)

_PREFIX = "decoder."
_EXAMPLE_KEY = "example"
"""The checkpoint key of an example: [[prompt, answer that the weights gave], [task, input]]."""


class HFExport(MetricsKeeper):
    """Writes `hf/` in the run's folder when training ends: the best checkpoint's weights, or the last ones.

    The folder holds the weights as safetensors, the configuration, the tokenizer, a generation configuration
    with the stop token and the maximum number of new tokens, and a model card with the results measured with those weights.

    Args:
        folder: Name of the folder in the run's folder.
    """

    def __init__(self, folder: str = "hf") -> None:
        self.folder = folder
        self._example: list[list[str]] | None = None

    def on_save_checkpoint(
        self, trainer: Trainer, pl_module: LightningModule, checkpoint: dict[str, Any]
    ) -> None:
        """Save the metrics and an example with the weights that gave them."""
        super().on_save_checkpoint(trainer, pl_module, checkpoint)
        if self._example is not None:
            checkpoint[_EXAMPLE_KEY] = self._example

    def on_validation_batch_end(
        self,
        trainer: Trainer,
        pl_module: LightningModule,
        outputs: Any,
        batch: Any,
        batch_idx: int,
        dataloader_idx: int = 0,
    ) -> None:
        """Keep one prompt and its answer for the model card."""
        if outputs is None or "prediction" not in outputs or batch_idx > 0 or not trainer.is_global_zero:
            return
        real = (outputs["row_index"] >= 0).nonzero().flatten().tolist()
        if real:
            ids = batch["prompt_ids"][real[0]][batch["prompt_mask"][real[0]].bool()]
            tokenizer = evaluated_model(pl_module).tokenizer
            row = evaluation_data(trainer).row("val", int(outputs["row_index"][real[0]]))
            shown = [tokenizer.decode(ids, skip_special_tokens=False), outputs["prediction"][real[0]]]
            self._example = [shown, [row.task, row.input]]

    def on_fit_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Write the folder on rank 0; the other ranks do not wait."""
        if not trainer.is_global_zero or is_trial(trainer):
            return
        path = best_checkpoint(trainer)
        checkpoint = load_checkpoint(path) if path else {"state_dict": pl_module.state_dict()}
        metrics = checkpoint.get(METRICS_KEY) or current_metrics(trainer)
        example: Any = checkpoint.get(_EXAMPLE_KEY) if path else self._example
        folder = run_folder(trainer) / self.folder
        part = folder.with_name(folder.name + ".part")
        shutil.rmtree(part, ignore_errors=True)
        model = evaluated_model(pl_module)
        data = evaluation_data(trainer)
        save_decoder(model, checkpoint["state_dict"], part)
        limit = model.generation.max_new_tokens
        why_no_chat = make_portable(part, model.tokenizer, data.asking, limit)
        shown, question = example or (None, None)
        card = Card(metrics, shown, tuple(question) if question else None, why_no_chat, limit)
        write_card(part, model, data, card)
        shutil.rmtree(folder, ignore_errors=True)
        part.replace(folder)
        which = (
            f"the best checkpoint, {path.name}" if path else "the last weights: no best checkpoint was chosen"
        )
        say(f"Hugging Face folder: {folder} ({which})")


def write_card(folder: Path, model: EvaluatedModel, data: EvaluationData, card: Card) -> None:
    """Write the model card, and the results as the Hub collects them."""
    (folder / "README.md").write_text(describe_model(model, data, card), encoding="utf-8")
    for task, content in eval_results(data, card.metrics).items():
        path = folder / ".eval_results" / f"{task}.yaml"
        path.parent.mkdir(exist_ok=True)
        path.write_text(content, encoding="utf-8")


def save_decoder(model: EvaluatedModel, state: dict[str, torch.Tensor], folder: Path) -> None:
    """Write decoder, tokenizer and generation configuration to `folder`; the module's own weights do not change.

    Args:
        model: The module.
        state: A Lightning state dict; the decoder's keys begin with `decoder.`.
        folder: Where to write.

    Raises:
        ValueError: If `state` does not hold exactly the decoder's weights.
    """
    weights = {key[len(_PREFIX) :]: value for key, value in state.items() if key.startswith(_PREFIX)}
    decoder, tokenizer = model.decoder, model.tokenizer
    different = sorted(set(weights) ^ set(decoder.state_dict()))
    if different:
        raise ValueError(
            f"Expected the checkpoint to hold the decoder's weights under {_PREFIX!r}, but these keys are only "
            f"in one of the two: {', '.join(different[:5])}. Was it written with another --model.base?"
        )
    decoder, weights = model.plain_decoder(weights)
    with _without_progress_bar():
        decoder.save_pretrained(folder, state_dict=weights)
    tokenizer.save_pretrained(folder)
    decoder.generation_config.save_pretrained(folder)


@contextlib.contextmanager
def _without_progress_bar() -> Iterator[None]:
    """Hide transformers' progress bar, which would interrupt the run's last lines for a single file."""
    from transformers.utils import logging

    shown = logging.is_progress_bar_enabled()
    logging.disable_progress_bar()
    try:
        yield
    finally:
        if shown:
            logging.enable_progress_bar()
