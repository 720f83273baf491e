"""Kill runs at random and go on with them: the end must be, bit by bit, that of the run that was never killed."""

from __future__ import annotations

import random
import shutil
import signal
import time
from pathlib import Path
from typing import Any

import torch
import yaml

from tests.helpers.runs import read_csv, write_pairs, write_tiny_base
from tests.stress.forks import ForkedRun

ALKYLS = ("C", "CC", "CCC", "CC(C)", "CCCC", "CCCCC", "CCCCCC")
ENDS = ("O", "N", "Cl", "Br", "C=O", "C(=O)O", "C#N", "c1ccccc1", "C1CCCC1")
VARIANTS: dict[str, list[str]] = {
    "plain": [],
    "validated-within-epochs": ["--trainer.val_check_interval", "0.5"],
    "counted-in-steps": ["--trainer.max_steps", "23", "--trainer.max_epochs", "-1"],
    "plateau": [
        "--model.scheduler", "lightning.pytorch.cli.ReduceLROnPlateau", "--model.scheduler.monitor", "val/loss",
        "--model.scheduler.patience", "0", "--model.scheduler.threshold", "0.5",
    ],
    "packed-bf16": ["--data.packing", "true", "--trainer.precision", "bf16-mixed", "--model.attention", "eager"],
    "adaptive": [
        "--data.task", "named.yaml:2,drawn.yaml:1,held.yaml:0", "--data.sampling", "adaptive", "--trainer.max_epochs", "4",
    ],
    "averaged": ["--model.average_weights", "0.99", "--trainer.val_check_interval", "0.5"],
    "sampled": ["--model.generation.strategy", "sample"],
}  # fmt: skip
TASK = {
    "input": {"column": "smiles", "notation": "smiles", "randomize": True},
    "output": {"column": "name", "notation": "text"},
    "instructions": ["Name this compound.", "What is it called?"],
}


def prepare(folder: Path) -> list[str]:
    """Write what a run needs; return its flags: dropout, accumulation, buckets, and other spellings each epoch."""
    pairs = [(a + b, f"{len(a)} {b} {'x' * (len(a) % 5)}") for a in ALKYLS for b in ENDS]
    base = write_tiny_base(
        folder, model_type="opt", ffn_dim=64, word_embed_proj_dim=32, dropout=0.2, attention_dropout=0.1
    )
    (folder / "named.yaml").write_text(yaml.safe_dump(TASK))
    back = {"input": {"column": "name"}, "output": {"column": "smiles"}, "identity": {"column": "smiles"}}
    for name in ("drawn", "held"):
        (folder / f"{name}.yaml").write_text(yaml.safe_dump(back))
    return [
        "--model.base", base, "--model.generation.max_new_tokens", "6", "--data.task", "named.yaml",
        "--data.source", write_pairs(folder, pairs), "--data.val_fraction", "0.3", "--data.test_fraction", "0",
        "--data.train_rows", "36", "--data.batch_size", "2", "--trainer.accumulate_grad_batches", "2",
        "--trainer.max_epochs", "3", "--trainer.enable_progress_bar", "false", "--trainer.log_every_n_steps", "1",
        "--trainer.accelerator", "cpu", "--trainer.precision", "32-true", "--checkpoint.minutes", "0",
    ]  # fmt: skip


def outcome(run: Path) -> dict[str, Any]:
    """Return what a finished run comes to: its last checkpoint, and what it logged but for times and rates."""
    checkpoint = torch.load(run / "checkpoints" / "last.ckpt", weights_only=True)
    best = torch.load(run / "checkpoints" / "best.ckpt", weights_only=True)
    rows = [
        {name: cell for name, cell in row.items() if not name.endswith(("_per_second", "/seconds"))}
        for row in read_csv(run / "metrics.csv")
    ]
    kept = (
        "state_dict",
        "optimizer_states",
        "lr_schedulers",
        "global_step",
        "epoch",
        "resume",
        "SequenceTaskDataModule",
    )
    return {
        **{name: checkpoint[name] for name in kept},
        "weight_average": checkpoint.get("weight_average"),
        "best": best["state_dict"],
        "logged": rows,
        "exported": (run / "hf" / "model.safetensors").read_bytes(),
        "predictions": {path.name: path.read_text() for path in (run / "predictions").glob("*.csv")},
    }


def differences(one: Any, other: Any, path: str = "") -> list[str]:
    """Return where two nested values differ in a single bit."""
    if isinstance(one, torch.Tensor):
        return [] if one.dtype == other.dtype and torch.equal(one, other) else [path]
    if isinstance(one, dict):
        if one.keys() != other.keys():
            return [f"{path}: {sorted(map(str, one.keys() ^ other.keys()))}"]
        return [found for key in one for found in differences(one[key], other[key], f"{path}/{key}")]
    if isinstance(one, list | tuple):
        if len(one) != len(other):
            return [f"{path}: {len(one)} and {len(other)}"]
        return [
            found
            for place, (a, b) in enumerate(zip(one, other, strict=True))
            for found in differences(a, b, f"{path}/{place}")
        ]
    return [] if one == other else [f"{path}: {str(one)[:200]!r} and {str(other)[:200]!r}"]


def reference(folder: Path, world: int, variant: str = "plain") -> dict[str, Any]:
    """Return the outcome of a run that is never killed; trained once a folder."""
    run = folder / "runs" / f"{variant}-{world}"
    if not (run / "hf").is_dir():
        args = ["fit", "--name", run.name, *prepare(folder), *VARIANTS[variant]]
        ForkedRun(args, folder, world).finish()
    return outcome(run)


def attempt(case: dict[str, Any], folder: Path) -> None:
    """Kill a run at a random step, go on with other workers, kill it once more, go on to the end, and compare.

    Args:
        case: `seed` of the moments and workers, `world`, and one of `VARIANTS`.
        folder: Where runs lie.
    """
    rng = random.Random(case["seed"])
    world, name = case["world"], f"killed-{case['seed']}"
    expected = reference(folder, world, case["variant"])
    args = ["fit", "--name", name, *prepare(folder), *VARIANTS[case["variant"]]]
    last = expected["global_step"]
    killed_at = []
    for latest in (last - 2, last):
        # Seldom checkpoints make the run go back some steps, frequent ones are killed while they are written.
        often = ["--checkpoint.minutes", str(rng.choice((0, 0.005, 0.02)))]
        workers = ["--data.num_workers", str(rng.choice((0, 2)))]
        run = ForkedRun([*args, *workers, *often], folder, world)
        while not run.steps:  # where it begins depends on where the one before was killed
            assert run.living(), run.output.read_text()[-3000:]
            time.sleep(0.005)
        killed_at.append(rng.randint(min(run.steps, latest), latest))
        assert run.wait_for(f"step {killed_at[-1]}"), f"the run ended before step {killed_at[-1]}"
        time.sleep(rng.uniform(0, 0.1))
        run.kill(signal.SIGKILL)
        assert run.wait() == [-signal.SIGKILL] * world, run.output.read_text()[-3000:]
        args = ["fit", "--ckpt_path", "last"]
    ForkedRun([*args, "--data.num_workers", str(rng.choice((0, 2)))], folder, world).finish()
    different = differences(outcome(folder / "runs" / name), expected)
    assert not different, f"killed at steps {killed_at}: {different[:5]}"
    shutil.rmtree(folder / "runs" / name)
