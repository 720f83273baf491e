"""Export the best weights at the end of training, as a Hugging Face folder that any tool loads."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from lightning.pytorch import LightningModule, Trainer

from callbacks.loggers.terminal import say, without_transformers_bars
from callbacks.reports.export.card_results import (
    Measured,
    eval_results,
    find_mark,
    mark_questions,
    mark_weights,
    update_card,
)
from callbacks.reports.export.hf_folder import make_portable, why_no_gguf
from callbacks.reports.export.model_card import Card, describe_model
from callbacks.rows.protocols import EvaluatedModel, EvaluationData, evaluated_model, evaluation_data
from callbacks.run.run_facts import (
    METRICS_KEY,
    MetricsKeeper,
    best_checkpoint,
    current_metrics,
    from_here,
    is_trial,
    load_checkpoint,
    run_folder,
)
from datamodules.storage.atomic_write import whole_file
from datamodules.storage.safe_names import safe_names
from datamodules.storage.writable import find_obstacle

_PREFIX = "decoder."
_EXAMPLE_KEY = "example"
"""The checkpoint key of an example: [[prompt, answer that the weights gave], [task, input]]."""


class HFExport(MetricsKeeper):
    """Writes `hf/` in the run's folder when training ends: the best checkpoint's weights, or the last ones.

    The folder holds the weights as safetensors, the configuration, the tokenizer, a generation configuration
    with the stop token and the maximum number of new tokens, and a model card with the results measured with those weights.
    A test of the same weights adds its results to the card, and leaves what stands outside of their place as it is.

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
        if is_trial(trainer):
            return
        path = trainer.strategy.broadcast(best_checkpoint(trainer))
        # Weights may be shared out among the ranks: all have to call this.
        last = {} if path else {"state_dict": trainer.strategy.lightning_module_state_dict()}
        if not trainer.is_global_zero:
            return
        checkpoint = load_checkpoint(path) if path else last
        metrics = checkpoint.get(METRICS_KEY) or current_metrics(trainer)
        example: Any = checkpoint.get(_EXAMPLE_KEY) if path else self._example
        folder = run_folder(trainer) / self.folder
        part = folder.with_name(folder.name + ".part")
        shutil.rmtree(part, ignore_errors=True)
        model = evaluated_model(pl_module)
        data = evaluation_data(trainer)
        save_decoder(model, checkpoint["state_dict"], part)
        limit, how = model.generation.max_new_tokens, model.generation.choice_score
        why_no_chat = make_portable(part, model.tokenizer, data.asking, limit, how)
        shown, question = example or (None, None)
        mark = f"{mark_weights(checkpoint['state_dict'])} {mark_questions(data, model.generation)}"
        asked = tuple(question) if question else None
        card = Card(metrics, shown, asked, why_no_chat, why_no_gguf(part), mark)
        write_card(part, model, data, card)
        shutil.rmtree(folder, ignore_errors=True)
        part.replace(folder)
        if path is None:
            say(f"{folder} has the last weights: no best checkpoint was chosen")

    def on_test_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Add the results to the card of the tested weights, on rank 0."""
        tested = Path(trainer.ckpt_path) if trainer.ckpt_path else None
        if tested is None or not tested.is_file() or not trainer.is_global_zero or is_trial(trainer):
            return
        places = (tested.parent.parent / self.folder, run_folder(trainer) / self.folder)
        path = next((place / "README.md" for place in places if (place / "README.md").is_file()), None)
        if path is None:
            return
        checkpoint, data = load_checkpoint(tested), evaluation_data(trainer)
        text = path.read_text(encoding="utf-8")
        questions = mark_questions(data, evaluated_model(pl_module).generation)
        why = why_not_in_card(find_mark(text), mark_weights(checkpoint["state_dict"]), questions, tested.name)
        if why is None:
            why = find_obstacle(path.parent)  # the tested run may be another user's
        if why is None:
            earlier = (checkpoint.get(METRICS_KEY) or {}).items()
            metrics = {name: value for name, value in earlier if name.startswith("val/")}
            why = add_to_card(path, text, data, {**metrics, **current_metrics(trainer)})
        shown = from_here(path)
        say(
            f"Model card: left as it is, since {why}: {shown}"
            if why
            else f"Model card, with these results: {shown}"
        )


def why_not_in_card(mark: str | None, weights: str, questions: str, tested: str) -> str | None:
    """Return why the results of a test do not belong in a card, or None if they do.

    Args:
        mark: The card's mark, `WEIGHTS QUESTIONS`; None if its place for results is gone.
        weights: The mark of the tested weights.
        questions: The mark of what was asked.
        tested: The name of the tested checkpoint.

    Examples:
        >>> why_not_in_card("a1 b2", "a1", "b2", "best.ckpt")
        >>> why_not_in_card("a1 b2", "c3", "b2", "last.ckpt")
        'its weights are not those of last.ckpt'
    """
    if mark is None:
        return "the marks around its results are gone"
    exported, _, asked = mark.partition(" ")
    if exported != weights:
        return f"its weights are not those of {tested}"
    if asked != questions:
        return "this test had other rows, tasks or settings of generation than the run"
    return None


def add_to_card(path: Path, text: str, data: EvaluationData, metrics: dict[str, float]) -> str | None:
    """Write a card's results anew, and the files beside it that the Hub collects; return why that cannot be, or None."""
    try:
        changed = update_card(text, data, metrics)
    except Exception as error:  # the card is its owner's, who may write anything into its head
        return (
            f"its head cannot be read ({str(error).splitlines()[0] if str(error) else type(error).__name__})"
        )
    write_results(path.parent, data, metrics)
    with whole_file(path) as file:
        file.write(changed)
    return None


def write_card(folder: Path, model: EvaluatedModel, data: EvaluationData, card: Card) -> None:
    """Write the model card, and the results as the Hub collects them."""
    (folder / "README.md").write_text(describe_model(model, data, card), encoding="utf-8")
    write_results(folder, data, card.metrics)


def write_results(folder: Path, data: Measured, metrics: Mapping[str, float]) -> None:
    """Write the results as the Hub collects them, a file a task."""
    names = safe_names(data.task_names)
    for task, content in eval_results(data, metrics).items():
        path = folder / ".eval_results" / f"{names[task]}.yaml"
        path.parent.mkdir(exist_ok=True)
        with whole_file(path) as file:
            file.write(content)


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
    with without_transformers_bars():
        decoder.save_pretrained(folder, state_dict=weights)
    tokenizer.save_pretrained(folder)
    decoder.generation_config.save_pretrained(folder)
    for path in folder.glob("*.safetensors"):  # safetensors lets only their owner read them
        path.chmod((folder / "config.json").stat().st_mode)
