"""Whole runs of the command line on a tiny base, for end-to-end tests."""

from __future__ import annotations

import contextlib
import csv
import io
import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest
import yaml

import train

PROJECT = Path(__file__).resolve().parents[2]
TINY = {
    "model_type": "llama",
    "hidden_size": 32,
    "intermediate_size": 64,
    "num_hidden_layers": 2,
    "num_attention_heads": 2,
    "max_position_embeddings": 512,
    "bos_token_id": 1,
    "eos_token_id": 2,
    "pad_token_id": 0,
}
PAIRS = [
    ("C", "methane"), ("CC", "ethane"), ("CCC", "propane"), ("CCO", "ethanol"), ("CO", "methanol"),
    ("CCN", "ethanamine"), ("c1ccccc1", "benzene"), ("CC(=O)O", "acetic acid"), ("CCCC", "butane"), ("CCCCC", "pentane"),
    ("C=C", "ethene"), ("C#C", "ethyne"), ("CCCO", "propan-1-ol"), ("CC(C)O", "propan-2-ol"), ("CC(C)=O", "propan-2-one"),
    ("O=Cc1ccccc1", "benzaldehyde"), ("Cc1ccccc1", "toluene"), ("Oc1ccccc1", "phenol"), ("Nc1ccccc1", "aniline"),
    ("C1CCCCC1", "cyclohexane"), ("ClCCl", "dichloromethane"), ("ClC(Cl)Cl", "chloroform"), ("C1CC1", "cyclopropane"),
]  # fmt: skip


def write_tiny_base(folder: Path, name: str = "tiny", **changes: object) -> str:
    """Write a base of about 100,000 parameters with the built-in tokenizer; return its path."""
    path = folder / f"{name}.yaml"
    base = {
        "path": str(PROJECT / "lightning_modules" / "builtin"),
        "init": "random",
        "config": {**TINY, **changes},
    }
    path.write_text(yaml.safe_dump(base))
    return str(path)


def write_pairs(folder: Path, pairs: Sequence[tuple[str, str]] = PAIRS) -> str:
    """Write a table of molecules and names; return its path."""
    path = folder / "mols.csv"
    with path.open("w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows([("smiles", "name"), *pairs])
    return str(path)


def own_table(folder: Path) -> list[str]:
    """Return the flags of a fit on a user's table with the tiny base."""
    return [
        "--model.base", write_tiny_base(folder), "--model.generation.max_new_tokens", "12",
        "--data.source", write_pairs(folder), "--data.input_column", "smiles", "--data.output_column", "name",
        "--data.val_fraction", "0.3", "--data.test_fraction", "0.2", "--data.batch_size", "8",
        "--trainer.max_epochs", "2", "--trainer.enable_progress_bar", "false", "--trainer.log_every_n_steps", "1",
    ]  # fmt: skip


def command(
    args: Sequence[str], folder: Path, timeout: float = 240, **environment: str
) -> subprocess.CompletedProcess[str]:
    """Run `python train.py` in a folder of its own."""
    return subprocess.run(
        [sys.executable, str(PROJECT / "train.py"), *args],
        cwd=folder,
        env={**os.environ, "WANDB_MODE": "disabled", "OMP_NUM_THREADS": "1", **environment},
        capture_output=True,
        text=True,
        timeout=timeout,
        check=False,
    )


def command_here(args: Sequence[str], folder: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run a command line in this process, which saves the seven seconds of processor time that the imports of `command` take.

    For what needs no fresh process: no ranks that Lightning starts, nothing that an import does.
    """
    out, err = io.StringIO(), io.StringIO()
    with (
        pytest.MonkeyPatch.context() as patch,
        contextlib.redirect_stdout(out),
        contextlib.redirect_stderr(err),
    ):
        patch.chdir(folder)
        for name, value in {"WANDB_MODE": "disabled", **environment}.items():
            patch.setenv(name, value)
        code: object = None
        try:
            train.main(list(args))
        except SystemExit as end:
            code = end.code
            if isinstance(code, str):  # as the interpreter does
                err.write(f"{code}\n")
        finally:
            if "wandb" in sys.modules:  # what a run with --wandb.offline has left open
                sys.modules["wandb"].finish()
    status = code if isinstance(code, int) else int(code is not None)
    return subprocess.CompletedProcess(list(args), status, out.getvalue(), err.getvalue())


def read_csv(path: Path) -> list[dict[str, str]]:
    """Read a CSV file as one dict a row."""
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def last_metrics(path: Path) -> dict[str, float]:
    """Return the last logged value of each metric of a metrics.csv."""
    metrics: dict[str, float] = {}
    for row in read_csv(path):
        metrics.update({name: float(value) for name, value in row.items() if value})
    return metrics


def list_files(*arguments: str, folder: Path = PROJECT) -> list[str]:
    """Return what `git ls-files` lists; the test is skipped outside a git checkout."""
    done = subprocess.run(
        ["git", "ls-files", *arguments], cwd=folder, capture_output=True, text=True, check=False
    )
    if done.returncode:
        pytest.skip("needs a git checkout")
    return done.stdout.split()
