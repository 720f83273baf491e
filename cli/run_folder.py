"""Choose a run's folder, and check whether a subcommand may write to it."""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from lightning.pytorch.utilities import rank_zero_only
from lightning.pytorch.utilities.rank_zero import rank_zero_info

from callbacks.run.run_facts import from_here
from cli.argv import flag_value, without_flag
from cli.checks.checkpoint_path import KEYWORDS, no_run
from cli.checks.run_name import check_name
from configs.lookup import load_yaml

RUN_NAME_VARIABLE = "PATOIS_RUN_NAME"
"""Passes the run's name to the other ranks, which start the same command a moment later."""


def find_run(ckpt_path: str | None) -> Path | None:
    """Return the run's folder of a checkpoint (`<run>/checkpoints/x.ckpt`), or None if it has no config.yaml."""
    if not ckpt_path or ckpt_path in KEYWORDS:
        return None
    folder = Path(ckpt_path).resolve().parent.parent
    return folder if (folder / "config.yaml").is_file() else None


def was_restarted() -> bool:
    """Return whether a cluster has restarted this job."""
    names = ("SLURM_RESTART_COUNT", "TORCHELASTIC_RESTART_COUNT")
    return any(os.environ.get(name, "0") != "0" for name in names)


def resolve_keyword(args: Sequence[str], root: Path) -> list[str]:
    """Replace `--ckpt_path last` or `best` by that file of the run called --name, or else of the latest run.

    A fit that the cluster restarts is treated as if it had `--ckpt_path last`. A run that stopped before its first
    checkpoint restarts with its own configuration.

    Args:
        args: Command-line arguments.
        root: The folder of all runs.

    Raises:
        ValueError: If there is no run, or it has no such checkpoint.
    """
    args = list(args)
    fits = args[:1] == ["fit"]
    keyword, name = flag_value(args, "--ckpt_path"), flag_value(args, "--name")
    if keyword is None and fits and was_restarted():
        keyword, name = "last", name or _shared_name()
    if keyword not in ("last", "best"):
        return args
    rest = without_flag(args, "--ckpt_path")
    run = _latest_run(root, name or os.environ.get(RUN_NAME_VARIABLE))
    if run is None:
        if fits and keyword == "last" and (name is not None or was_restarted()):
            return rest
        raise no_run(keyword, name, root)
    os.environ[RUN_NAME_VARIABLE] = run.name  # for the other ranks
    path = run / "checkpoints" / f"{keyword}.ckpt"
    if path.is_file():
        return [*rest, "--ckpt_path", str(path)]
    if fits and keyword == "last":
        rank_zero_info(f"{run} stopped before its first checkpoint, so it restarts from the beginning.")
        return ["fit", "--config", str(run / "config.yaml"), *rest[1:], "--name", run.name]
    raise ValueError(f"--ckpt_path {keyword}: {path} does not exist (yet).")


def _latest_run(root: Path, name: str | None) -> Path | None:
    """Return the run called `name`, or else the one started or resumed last; None if there is none."""
    configs = root.glob(f"{name or '*'}/config.yaml")
    latest = max(configs, key=lambda config: config.stat().st_mtime, default=None)
    return None if latest is None else latest.parent


def settle_folder(config: Any, root: Path) -> Path:
    """Return the folder that a subcommand writes to: the folder of the checkpoint's run, unless --name differs.

    Args:
        config: The subcommand's configuration. The run's own configuration is read again from its folder, to see
            whether the user gave the name or the run's configuration did.
        root: The folder of all runs.
    """
    run = find_run(config.get("ckpt_path"))
    if run is None:
        return make_run_folder(config.name, root)
    own = load_yaml(run / "config.yaml")
    # The folder may have been renamed since; nobody chose the `checkpoints` path of its old place.
    was = Path((own.get("trainer") or {}).get("default_root_dir") or run)
    for callback in config.trainer.callbacks or []:
        if callback.get("init_args") and callback.init_args.get("dirpath") == str(was / "checkpoints"):
            callback.init_args.dirpath = None
    if config.name in (None, own.get("name"), run.name):
        return from_here(run)
    return make_run_folder(config.name, root)


def is_first_rank() -> bool:
    """Return whether this is the process of rank 0; works before a trainer exists."""
    return getattr(rank_zero_only, "rank", 0) == 0


def goes_on(ckpt_path: str | None, folder: Path) -> bool:
    """Return whether a subcommand resumes the run in `folder` instead of starting a new one there.

    It resumes with a checkpoint of that run, with one of `KEYWORDS`, and after a cluster has restarted the job.
    """
    return ckpt_path in KEYWORDS or was_restarted() or find_run(ckpt_path) == folder.resolve()


def refuse_used(folder: Path, ckpt_path: str | None) -> None:
    """Raise ValueError if a fit would mix its files with those of another run.

    Only rank 0 checks: the other ranks find a folder that rank 0 has already written to.
    """
    used = any(folder.glob("checkpoints/*.ckpt")) or any(folder.glob("predictions/*.csv"))
    if is_first_rank() and used and not goes_on(ckpt_path, folder):
        last = folder / "checkpoints" / "last.ckpt"
        raise ValueError(
            f"{folder} already holds a run. Choose another --name, resume that run (--ckpt_path {last}), or delete the folder."
        )


def refuse_other_root(args: Sequence[str]) -> None:
    """Raise ValueError if a command line sets the trainer's root folder, since that would have no effect."""
    if flag_value(args, "--trainer.default_root_dir") is not None:
        raise ValueError(
            "--trainer.default_root_dir: runs are written to runs/NAME in the current folder, so this flag has no effect. "
            "Choose NAME with --name, and the folder with `cd`."
        )


def make_run_folder(name: str | None, root: Path) -> Path:
    """Return this run's folder, the same on every rank: `root/<name>`; the default name is the start time."""
    name = name or os.environ.get(RUN_NAME_VARIABLE)
    if name is None:
        name = _shared_name() or _new_name(root)
    check_name(name)
    os.environ[RUN_NAME_VARIABLE] = name
    return root / name


def _shared_name() -> str | None:
    """Return a run name that all ranks of a cluster's job can derive, or None outside a cluster."""
    job = os.environ.get("TORCHELASTIC_RUN_ID") or os.environ.get("SLURM_JOB_ID")
    return f"job-{job}" if job not in (None, "none") else None


def _new_name(root: Path) -> str:
    """Return a name from the time, and make its folder so that no other run started in the same second takes it.

    A rank of `torchrun` that cannot know rank 0's choice makes no folder: it writes nothing there.
    """
    stamp = time.strftime("%Y%m%d-%H%M%S")
    if not is_first_rank():
        return stamp
    for name in (stamp, *(f"{stamp}-{number}" for number in range(2, 1000))):
        try:
            (root / name).mkdir(parents=True)
        except FileExistsError:
            continue
        return name
    raise AssertionError("a thousand runs in one second")


@contextlib.contextmanager
def one_run(root: Path) -> Iterator[None]:
    """Clear the run's name at the end, so that the next run of this process gets its own name.

    After an error, remove the run's folder and `root` if they are still empty.
    """
    try:
        yield
    except BaseException:
        name = os.environ.get(RUN_NAME_VARIABLE)
        with contextlib.suppress(OSError):  # not empty, or missing
            if name and is_first_rank():
                (root / name).rmdir()
                root.rmdir()
        raise
    finally:
        os.environ.pop(RUN_NAME_VARIABLE, None)
