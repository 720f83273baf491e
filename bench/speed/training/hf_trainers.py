"""Hugging Face's Trainer and TRL's SFTTrainer on a workload, with their defaults and with the best settings found for them.

Grouping by length sorts whole windows of 50 batches, as transformers does with a table of 200 batches
and more. With fewer batches it would split a table into four windows or more (of 8 batches with 512 rows in steps of 16, of 2
with 64 rows in steps of 8). With `arrow` that pads 12 and 29 %, with `alpaca` 3 and 10 %. Patois sorts 50 batches of any
table and pads 3, 10, 1 and 3 %. On a table of usual size this difference vanishes: in full windows both pad the same.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import torch
from torch import Tensor
from transformers import AutoModelForCausalLM, AutoTokenizer, Trainer, TrainerCallback
from transformers.trainer_pt_utils import LengthGroupedSampler, get_length_grouped_indices

from bench.speed.stopwatch import EPOCHS, Stopwatch
from bench.speed.training.workload import (
    BETAS,
    CLIP,
    LEARNING_RATE,
    MAX_LENGTH,
    WEIGHT_DECAY,
    Work,
    Workload,
    held_out_loss,
)
from datamodules.tokens.batching import pad
from datamodules.tokens.examples import IGNORE_INDEX

WINDOW = 50
"""Batches that are sorted together, as in transformers when there are enough of them."""


class FullWindowSampler(LengthGroupedSampler):
    """Sorts by length as transformers does on a table of usual size, for any number of rows."""

    def __iter__(self) -> Iterator[int]:
        """Yield the indices of all rows, from the longest to the shortest row within each window."""
        order = get_length_grouped_indices(
            self.lengths, self.batch_size, mega_batch_mult=WINDOW, generator=self.generator
        )
        return iter(order)


class Timed:
    """Mixed into a Hugging Face trainer: counts the rows of a step, and sorts in full windows if rows are grouped."""

    rows_seen = 0

    def _get_train_sampler(self, train_dataset: Any = None) -> Any:
        sampler = super()._get_train_sampler(train_dataset)  # type: ignore[misc]
        if not isinstance(sampler, LengthGroupedSampler):
            return sampler
        return FullWindowSampler(sampler.batch_size, lengths=sampler.lengths, generator=sampler.generator)

    def training_step(
        self, model: torch.nn.Module, inputs: dict[str, Any], *more: Any, **options: Any
    ) -> Any:
        """Count the rows by their one supervised stop token, outside of the compiled code.

        On a GPU that would wait for it, so only padded rows can be counted there.
        """
        labels, stop = inputs["labels"], self.processing_class.eos_token_id  # type: ignore[attr-defined]
        self.rows_seen += len(labels) if labels.is_cuda else int((labels == stop).sum())
        return super().training_step(model, inputs, *more, **options)  # type: ignore[misc]


class TimedTrainer(Timed, Trainer):
    """Hugging Face's Trainer."""


class StepTimer(TrainerCallback):
    """Reports epochs and steps to a stopwatch."""

    def __init__(self, trainer: Any, stopwatch: Stopwatch) -> None:
        self.trainer, self.stopwatch = trainer, stopwatch

    def on_epoch_begin(self, *_: Any, **__: Any) -> None:
        """Start before the first batch is fetched."""
        self.stopwatch.begin_epoch()

    def on_step_end(self, *_: Any, **__: Any) -> None:
        """Note the rows since the previous step."""
        self.stopwatch.step(self.trainer.rows_seen)
        self.trainer.rows_seen = 0


def columns(workload: Workload) -> dict[str, list[list[int]]]:
    """Return the training rows as lists of token ids and of labels."""
    rows = workload.train
    return {
        "input_ids": [rows.example(place).tolist() for place in range(len(rows))],
        "labels": [rows.labels(place).tolist() for place in range(len(rows))],
    }


def common_options(folder: str, work: Work) -> dict[str, Any]:
    """Return the arguments that both trainers share."""
    return {
        "output_dir": folder, "per_device_train_batch_size": work.batch_size, "num_train_epochs": EPOCHS,
        "use_cpu": work.device == "cpu", "bf16": work.precision == "bf16", "learning_rate": LEARNING_RATE, "seed": work.seed,
        "lr_scheduler_type": "constant", "max_grad_norm": CLIP, "weight_decay": WEIGHT_DECAY,
        "adam_beta1": BETAS[0], "adam_beta2": BETAS[1], "save_strategy": "no", "report_to": "none",
        "disable_tqdm": True, "dataloader_pin_memory": work.device != "cpu",
    }  # fmt: skip


def _run(trainer: Any, work: Work) -> dict[str, Any]:
    """Train and time."""
    stopwatch = work.stopwatch()
    trainer.add_callback(StepTimer(trainer, stopwatch))
    trainer.train()
    return stopwatch.result(held_out_loss(trainer.model, work.workload, work.device))


def _load(workload: Workload, attention: str | None) -> Any:
    return AutoModelForCausalLM.from_pretrained(
        workload.model, dtype=torch.float32, attn_implementation=attention
    )


def run_trl(work: Work, attention: str | None = None, **options: Any) -> dict[str, Any]:
    """Run TRL's SFTTrainer on completions, with its defaults except for the arguments that all trainers share."""
    from datasets import Dataset
    from trl import SFTConfig, SFTTrainer

    class TimedSFTTrainer(Timed, SFTTrainer):
        pass

    workload = work.workload
    with tempfile.TemporaryDirectory() as folder:
        trainer = TimedSFTTrainer(
            model=_load(workload, attention),
            args=SFTConfig(**common_options(folder, work), max_length=MAX_LENGTH, **options),
            train_dataset=Dataset.from_dict(columns(workload)),
            processing_class=AutoTokenizer.from_pretrained(workload.model),
        )
        return _run(trainer, work)


def collate(rows: list[dict[str, Any]]) -> dict[str, Tensor]:
    """Pad on the right to the longest row."""
    ids, labels = ([np.array(row[name]) for row in rows] for name in ("input_ids", "labels"))
    mask = pad([np.ones_like(row) for row in ids], 0)
    return {"input_ids": pad(ids, 0), "labels": pad(labels, IGNORE_INDEX), "attention_mask": mask}


def run_hf(work: Work, attention: str | None = None, **options: Any) -> dict[str, Any]:
    """Run Hugging Face's Trainer on rows in memory, prompts masked in the labels."""
    from transformers import TrainingArguments

    workload = work.workload
    rows = columns(workload)
    with tempfile.TemporaryDirectory() as folder:
        trainer = TimedTrainer(
            model=_load(workload, attention),
            args=TrainingArguments(**common_options(folder, work), **options),
            train_dataset=[dict(zip(rows, row, strict=True)) for row in zip(*rows.values(), strict=True)],
            data_collator=collate,
            processing_class=AutoTokenizer.from_pretrained(workload.model),
        )
        return _run(trainer, work)


def _fastest_attention(work: Work) -> str:
    """Return the fastest attention for short rows: on a CPU with bf16 units not PyTorch's own.

    Eager is 1.16 times as fast as sdpa in bf16, and 0.98 times in fp32. That was measured on the built-in decoder only, so
    `hf-sdpa` runs in addition to `hf-best`.
    """
    return "eager" if work.precision == "bf16" and work.device == "cpu" else "sdpa"


def run_trl_best(work: Work, **options: Any) -> dict[str, Any]:
    """Run TRL's SFTTrainer with the fastest settings found for padded rows."""
    return run_trl(
        work,
        _fastest_attention(work),
        gradient_checkpointing=False,
        logging_steps=1000,
        train_sampling_strategy="group_by_length",
        **options,
    )


def run_trl_packed(work: Work, strategy: str) -> dict[str, Any]:
    """Run TRL's SFTTrainer on packed rows.

    With `bfd` all packs of a step are one sequence, for which eager attention would build a mask of its squared length;
    with `wrapped` a row is cut where a pack is full, and attends to the rows before it.
    """
    return run_trl(
        work,
        "sdpa",
        gradient_checkpointing=False,
        logging_steps=1000,
        packing=True,
        packing_strategy=strategy,
    )


def run_hf_best(work: Work, attention: str | None = None, **options: Any) -> dict[str, Any]:
    """Run Hugging Face's Trainer with the fastest settings found for it."""
    return run_hf(
        work,
        attention or _fastest_attention(work),
        train_sampling_strategy="group_by_length",
        **options,
    )


HF_TRAINERS: dict[str, Callable[[Work], dict[str, Any]]] = {
    "trl-default": run_trl,
    "trl-best": run_trl_best,
    "trl-liger": lambda work: run_trl_best(work, use_liger_kernel=True),
    "trl-packed": lambda work: run_trl_packed(work, "bfd"),
    "trl-wrapped": lambda work: run_trl_packed(work, "wrapped"),
    "hf-default": run_hf,
    "hf-best": run_hf_best,
    "hf-sdpa": lambda work: run_hf_best(work, "sdpa"),
    "hf-compiled": lambda work: run_hf_best(work, torch_compile=True),
}
