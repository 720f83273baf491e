"""Run one trainer on one workload in this process: `python -m bench.trainers NAME ...` prints one JSON line.

Every trainer starts from the same weights, sees the same rows once, as many a step, and updates with AdamW at the same
constant learning rate after clipping the gradient's norm to 1. Only the steps are timed: neither reading nor loading is.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import lightning.pytorch as pl
import torch
from torch import Tensor
from transformers import AutoModelForCausalLM, AutoTokenizer

from bench.stopwatch import Stopwatch
from bench.workload import MAX_LENGTH, Workload, held_out_loss, make_workload
from datamodules.batching import BatchDataset, pad, plan_training
from datamodules.examples import IGNORE_INDEX
from lightning_modules.training_loss import training_loss

LEARNING_RATE, CLIP, WEIGHT_DECAY, BETAS = 3e-4, 1.0, 0.01, (0.9, 0.95)


class StepTimer(pl.Callback):
    """Tells a stopwatch of Lightning's optimizer steps."""

    def __init__(self) -> None:
        self.stopwatch = Stopwatch()

    def on_train_batch_end(
        self, trainer: pl.Trainer, pl_module: pl.LightningModule, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        """Note the step's rows, those of the other ranks included."""
        self.stopwatch.step(len(batch["row_index"]) * trainer.world_size)


def run_patois(workload: Workload, batch_size: int, precision: str, *flags: str) -> dict[str, float]:
    """Run `python train.py fit` as it is, with all its callbacks but without validation."""
    from callbacks.wandb_logger import DashboardLogger
    from configs.cli import PatoisCLI, silence_noise
    from datamodules.sequence_task import SequenceTaskDataModule
    from lightning_modules.causal_lm import CausalLM

    silence_noise()
    timer = StepTimer()
    with tempfile.TemporaryDirectory() as runs:
        cli = PatoisCLI(
            CausalLM, SequenceTaskDataModule, logger_class=DashboardLogger, runs=Path(runs),
            trainer_defaults={"callbacks": timer},
            args=[
                "fit", "--wandb.offline", "true", "--model.base", workload.model, "--data.task", "smiles_to_iupac",
                "--data.source", str(workload.folder / "rows.csv"), "--data.split_column", "split",
                "--data.format", workload.format, "--data.phrasings", "first", "--data.max_length", str(MAX_LENGTH),
                "--data.batch_size", str(batch_size), "--trainer.max_epochs", "1", "--trainer.limit_val_batches", "0",
                "--trainer.precision", "bf16-mixed" if precision == "bf16" else "32-true",
                "--trainer.enable_progress_bar", "false", "--model.optimizer.init_args.lr", str(LEARNING_RATE),
                "--model.warmup_fraction", "0", "--model.min_lr_fraction", "1", *flags,
            ],
        )  # fmt: skip
    return timer.stopwatch.result(held_out_loss(cli.model.decoder, workload))


def run_bare(workload: Workload, batch_size: int, precision: str) -> dict[str, float]:
    """Run a bare PyTorch loop over padded tensors that are made before the clock starts: what a framework costs.

    It computes the loss as Patois does, shared beginnings and attention included, so that only the framework differs.
    """
    decoder = AutoModelForCausalLM.from_pretrained(workload.model, dtype=torch.float32).train()
    rows = workload.train
    batches = BatchDataset(rows, plan_training(rows.lengths, batch_size, 1, 0, 0), pad_id=0)
    ready = [batches[number] for number in range(len(batches))]
    optimizer = torch.optim.AdamW(
        decoder.parameters(), lr=LEARNING_RATE, weight_decay=WEIGHT_DECAY, betas=BETAS, fused=True
    )
    stopwatch = Stopwatch()
    for batch in ready:
        with torch.autocast("cpu", torch.bfloat16, enabled=precision == "bf16", cache_enabled=False):
            loss_sum, count = training_loss(decoder, batch, "", share_prefix=True, choose_attention=True)
        (loss_sum / count).backward()
        torch.nn.utils.clip_grad_norm_(decoder.parameters(), CLIP)
        optimizer.step()
        optimizer.zero_grad()
        stopwatch.step(len(batch["row_index"]))
    return stopwatch.result(held_out_loss(decoder, workload))


def _columns(workload: Workload) -> dict[str, list[list[int]]]:
    """Return the training rows as lists of token ids and of labels."""
    rows = workload.train
    return {
        "input_ids": [rows.example(place).tolist() for place in range(len(rows))],
        "labels": [rows.labels(place).tolist() for place in range(len(rows))],
    }


def _hf_options(folder: str, batch_size: int, precision: str) -> dict[str, Any]:
    """Return the arguments that Hugging Face's trainers share here."""
    return {
        "output_dir": folder, "per_device_train_batch_size": batch_size, "num_train_epochs": 1, "use_cpu": True,
        "bf16": precision == "bf16", "learning_rate": LEARNING_RATE, "lr_scheduler_type": "constant",
        "max_grad_norm": CLIP, "weight_decay": WEIGHT_DECAY, "adam_beta1": BETAS[0], "adam_beta2": BETAS[1],
        "save_strategy": "no", "report_to": "none", "disable_tqdm": True, "dataloader_pin_memory": False,
    }  # fmt: skip


def _time_hf(trainer: Any, workload: Workload) -> dict[str, float]:
    """Train with a Hugging Face trainer and time its steps; a row is counted by its one supervised stop token."""
    from transformers import TrainerCallback

    stopwatch, stop = Stopwatch(), AutoTokenizer.from_pretrained(workload.model).eos_token_id
    seen = [0]

    def count(_: torch.nn.Module, args: tuple[Any, ...], inputs: dict[str, Any]) -> None:
        seen[0] += int((inputs["labels"] == stop).sum())

    class Timer(TrainerCallback):
        def on_step_end(self, *_: Any, **__: Any) -> None:
            stopwatch.step(seen[0])
            seen[0] = 0

    trainer.add_callback(Timer())
    handle = trainer.model.register_forward_pre_hook(count, with_kwargs=True)
    trainer.train()
    handle.remove()
    return stopwatch.result(held_out_loss(trainer.model, workload))


def _load(workload: Workload, attention: str | None) -> Any:
    return AutoModelForCausalLM.from_pretrained(
        workload.model, dtype=torch.float32, attn_implementation=attention
    )


def run_trl(
    workload: Workload, batch_size: int, precision: str, attention: str | None = None, **options: Any
) -> dict[str, float]:
    """Run TRL's SFTTrainer on completions; its own defaults but for what all trainers here share."""
    from datasets import Dataset
    from trl import SFTConfig, SFTTrainer

    with tempfile.TemporaryDirectory() as folder:
        config = SFTConfig(**_hf_options(folder, batch_size, precision), max_length=MAX_LENGTH, **options)
        trainer = SFTTrainer(
            model=_load(workload, attention),
            args=config,
            train_dataset=Dataset.from_dict(_columns(workload)),
            processing_class=AutoTokenizer.from_pretrained(workload.model),
        )
        return _time_hf(trainer, workload)


def run_hf(
    workload: Workload, batch_size: int, precision: str, attention: str | None = None, **options: Any
) -> dict[str, float]:
    """Run Hugging Face's Trainer with padding on the right and prompts masked in the labels."""
    from datasets import Dataset
    from transformers import Trainer, TrainingArguments

    def collate(rows: list[dict[str, Any]]) -> dict[str, Tensor]:
        ids = [torch.tensor(row["input_ids"]).numpy() for row in rows]
        labels = [torch.tensor(row["labels"]).numpy() for row in rows]
        mask = pad([torch.ones(len(row), dtype=torch.int64).numpy() for row in ids], 0)
        return {"input_ids": pad(ids, 0), "labels": pad(labels, IGNORE_INDEX), "attention_mask": mask}

    with tempfile.TemporaryDirectory() as folder:
        trainer = Trainer(
            model=_load(workload, attention),
            args=TrainingArguments(**_hf_options(folder, batch_size, precision), **options),
            train_dataset=Dataset.from_dict(_columns(workload)),
            data_collator=collate,
        )
        return _time_hf(trainer, workload)


def run_litgpt(workload: Workload, batch_size: int, precision: str) -> dict[str, float]:
    """Run litgpt's full fine-tuning in the virtual environment that `LITGPT_PYTHON` names (it pins other versions)."""
    python = os.environ.get("LITGPT_PYTHON")
    if not python:
        raise ValueError(
            "Expected LITGPT_PYTHON to be the Python of an environment with litgpt; `make bench` makes one."
        )
    script = Path(__file__).with_name("litgpt_run.py")
    done = subprocess.run(
        [python, str(script), str(workload.folder), str(batch_size), precision],
        stdout=subprocess.PIPE,
        check=True,
        text=True,
    )
    result: dict[str, float] = json.loads(done.stdout.strip().splitlines()[-1])
    return result


def _fastest_attention(precision: str) -> str:
    """Return what was the fastest for short rows on a CPU with bf16 units: 1.16 times as fast as sdpa in bf16, 0.98 in fp32."""
    return "eager" if precision == "bf16" else "sdpa"


def run_trl_best(workload: Workload, batch_size: int, precision: str, **options: Any) -> dict[str, float]:
    """Run TRL's SFTTrainer with the fastest settings found for it."""
    options = {"gradient_checkpointing": False, "logging_steps": 1000, **options}
    return run_trl(workload, batch_size, precision, _fastest_attention(precision), **options)


def run_hf_best(workload: Workload, batch_size: int, precision: str, **options: Any) -> dict[str, float]:
    """Run Hugging Face's Trainer with the fastest settings found for it."""
    options = {"train_sampling_strategy": "group_by_length", **options}
    return run_hf(workload, batch_size, precision, _fastest_attention(precision), **options)


TRAINERS: dict[str, Callable[[Workload, int, str], dict[str, float]]] = {
    "patois": run_patois,
    "patois-fast": lambda *work: run_patois(*work, "--model.compile", "true"),
    "bare": run_bare,
    "trl-default": run_trl,
    "trl-best": lambda *work: run_trl_best(*work, train_sampling_strategy="group_by_length"),
    "trl-packed": lambda *work: run_trl_best(*work, packing=True),
    "litgpt": run_litgpt,
    "hf-default": run_hf,
    "hf-best": run_hf_best,
    "hf-compiled": lambda *work: run_hf_best(*work, torch_compile=True),
}


def main(words: list[str] | None = None) -> None:
    """Run what the command line says and print one JSON line; further flags are those of `python train.py fit`."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("trainer", choices=TRAINERS)
    parser.add_argument("--folder", type=Path, required=True)
    parser.add_argument("--shape", default="builtin")
    parser.add_argument("--format", default="arrow")
    parser.add_argument("--rows", type=int, default=512)
    parser.add_argument("--batch-size", type=int, default=16)
    parser.add_argument("--precision", default="fp32", choices=("fp32", "bf16"))
    args, flags = parser.parse_known_args(words)
    if flags and args.trainer != "patois":
        parser.error(f"only patois takes further flags, but {args.trainer} got {flags}")
    workload = make_workload(args.folder, args.shape, args.format, args.rows)
    shown = os.dup(1)
    os.dup2(2, 1)  # what the trainers print is no result
    work = (workload, args.batch_size, args.precision)
    result = run_patois(*work, *flags) if flags else TRAINERS[args.trainer](*work)
    if os.environ.get("LOCAL_RANK", "0") == "0":  # further ranks run this same command
        os.write(shown, (json.dumps({"trainer": args.trainer, **result}) + "\n").encode())
    sys.stdout.flush()


if __name__ == "__main__":
    main()
