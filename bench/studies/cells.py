"""Run a cell: fit, then test with the last weights. An interrupted cell resumes where it stopped."""

from __future__ import annotations

import contextlib
import fcntl
import json
import shutil
import subprocess
import sys
from collections.abc import Iterator, Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any

from bench.studies.grid import SEED, Flags, run_name, words
from bench.studies.results import Result, as_estimates
from bench.studies.verdicts import pack_verdicts
from configs.lookup import PROJECT, load_yaml

TEST = Path(__file__).with_name("test.yaml")
QUIET = ("--wandb.offline=true", "--trainer.enable_progress_bar=false")
PRECISION = "trainer.precision"
PACKAGES = ("torch", "lightning", "transformers", "rdkit")


def run_cell(study: str, flags: Flags, folder: Path = PROJECT, precision: str | None = None) -> Result:
    """Fit and test one cell in `folder/runs/study-...`.

    A killed fit resumes from its `last.ckpt`; a finished one is not repeated. The last weights are tested, so that no selection
    by validation stands between the flags and the result.

    Args:
        study: The study's name.
        flags: The cell.
        folder: Folder that contains `runs`; paths in flags are relative to it.
        precision: The trainer's precision, if the flags set none; default the machine's.

    Returns:
        The flags, the test metrics of each task, steps, seconds, precision, versions and git revision.

    Raises:
        RuntimeError: If a command fails.
        ValueError: If the flags set another precision.
    """
    if precision is not None and flags.get(PRECISION, precision) != precision:
        raise ValueError(f"Expected no --precision, since the study sets {PRECISION}, but got {precision}.")
    run = folder / "runs" / run_name(study, flags)
    run.mkdir(parents=True, exist_ok=True)
    with _alone(run / "study_lock") as lock:
        how = () if precision is None else (f"--{PRECISION}={precision}",)
        return _fit_and_test(study, flags, folder, run, lock, how)


@contextlib.contextmanager
def _alone(path: Path) -> Iterator[int]:
    """Wait for a lock, and hold it.

    Child processes that inherit its file descriptor hold it, too: a killed runner leaves its `train.py` behind, which writes to
    the run's folder until it ends, and the next runner must not write there at the same time.
    """
    with path.open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield file.fileno()


def _fit_and_test(
    study: str, flags: Flags, folder: Path, run: Path, lock: int, how: Sequence[str] = ()
) -> Result:
    sittings, fitted = run / "study_sittings", run / "study_fitted"
    last = run / "checkpoints" / "last.ckpt"
    clear_unresumable(run, "study_lock")
    if not fitted.is_file():
        with sittings.open("a", encoding="utf-8") as file:
            file.write("fit\n")
        run_train(fit_words(run, [*words(flags), *how]), folder, lock)
        fitted.touch()
    run_train(["test", "--ckpt_path", str(last), "--config", str(TEST), *QUIET], folder, lock)
    return {
        "study": study, "flags": flags, "seed": flags[SEED],
        **_measured(run), "steps": count_steps(last),
        "sittings": len(sittings.read_text(encoding="utf-8").split()),
        "precision": str(load_yaml(run / "config.yaml")["trainer"]["precision"]),
        "versions": {package: version(package) for package in PACKAGES}, "revision": git_revision(),
    }  # fmt: skip


def clear_unresumable(run: Path, *kept: str) -> None:
    """Remove what a fit left that was killed before its first checkpoint: it would be in the way of a new start."""
    if (run / "checkpoints" / "last.ckpt").is_file() or not run.is_dir():
        return
    for path in run.iterdir():
        if path.is_dir():
            shutil.rmtree(path)
        elif path.name not in kept:
            path.unlink()


def fit_words(run: Path, flags: Sequence[str]) -> list[str]:
    """Return the words that begin a run, or go on with it if it has a checkpoint."""
    resume = ["--ckpt_path", "last"] if (run / "checkpoints" / "last.ckpt").is_file() else []
    return ["fit", "--name", run.name, *resume, *flags, *QUIET]


def remove_weights(study: str, flags: Flags, folder: Path = PROJECT) -> None:
    """Remove a cell's checkpoints and export (200 MB for the built-in decoder); predictions and metrics stay."""
    for part in ("checkpoints", "hf"):
        shutil.rmtree(folder / "runs" / run_name(study, flags) / part, ignore_errors=True)


def _measured(run: Path) -> dict[str, Any]:
    """Return the test metrics and verdicts of each task, and the seconds of fit (of its last session) and test."""
    summary = json.loads((run / "summary.json").read_text(encoding="utf-8"))
    verdicts = pack_verdicts(run)
    tasks = {
        task: {"rows": metrics["rows"], "metrics": as_estimates(metrics), "verdicts": verdicts[task]}
        for task, metrics in summary["test"]["tasks"].items()
    }
    seconds = {f"{stage}_seconds": summary[stage]["seconds"] for stage in ("fit", "test")}
    return {"test": tasks, **seconds}


def count_steps(checkpoint: Path) -> int:
    """Return the number of optimizer steps before a checkpoint."""
    from callbacks.run.run_facts import load_checkpoint

    return int(load_checkpoint(checkpoint)["global_step"])


def git_revision() -> str:
    """Return the commit, with `+` if the working tree differs from it; `unknown` without git."""
    try:
        done = subprocess.run(
            ["git", "describe", "--always", "--abbrev=12", "--exclude=*", "--dirty=+"],
            cwd=PROJECT,
            capture_output=True,
            text=True,
            check=False,
        )
    except OSError:
        return "unknown"
    return done.stdout.strip() or "unknown"


def run_train(arguments: Sequence[str], folder: Path, *locks: int) -> None:
    """Run `python train.py` in a folder, with locks; its output is shown only if it fails.

    Raises:
        RuntimeError: If it fails.
    """
    command = [sys.executable, str(PROJECT / "train.py"), *arguments]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False, pass_fds=locks)
    if done.returncode:
        raise RuntimeError(
            f"python train.py {' '.join(arguments)} failed:\n{(done.stderr or done.stdout)[-3000:]}"
        )
