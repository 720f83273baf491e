"""Choose a run's folder, and check whether a subcommand may write to it."""

from __future__ import annotations

import contextlib
import os
import re
import shlex
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from lightning.pytorch.utilities import rank_zero_only
from lightning.pytorch.utilities.rank_zero import rank_zero_info

from callbacks.loggers.terminal import is_first_process
from callbacks.run.run_facts import from_here
from cli.argv import flag_value, without_flag
from cli.checks.checkpoint_path import KEYWORDS, find_run, no_run
from cli.checks.run_name import check_name
from cli.run.claim import Claim, describe_self
from cli.run.cluster_job import (
    count_restarts,
    describe_fit,
    find_job,
    find_own_run,
    wait_for_first_rank,
    write_record,
)
from configs.lookup import load_yaml

RUN_NAME_VARIABLE = "PATOIS_RUN_NAME"
"""Passes the run's name to the other ranks, which start the same command a moment later."""


def was_restarted() -> bool:
    """Return whether a cluster has restarted this job."""
    return count_restarts() > 0


def resolve_keyword(args: Sequence[str], root: Path) -> list[str]:
    """Replace `--ckpt_path last` or `best` by that file of the run called --name, or else of the latest run.

    A fit that the cluster restarts goes on with its own run, as if it had `--ckpt_path last`, or begins if it had none yet. A
    run that stopped before its first checkpoint restarts with its own configuration.

    Args:
        args: Command-line arguments.
        root: The folder of all runs.

    Raises:
        ValueError: If there is no run, or it has no such checkpoint.
    """
    args = list(args)
    fits = args[:1] == ["fit"]
    keyword, name = flag_value(args, "--ckpt_path"), flag_value(args, "--name")
    if fits and was_restarted() and keyword in (None, "last") and name is None:
        name = _find_own_name(root, args)
        keyword = "last" if name is not None else keyword
    elif keyword is None and fits and was_restarted():
        keyword = "last"
    if keyword not in ("last", "best"):
        return args
    rest = without_flag(args, "--ckpt_path")
    run = _latest_run(root, name or os.environ.get(RUN_NAME_VARIABLE))
    if run is None:
        if fits and keyword == "last" and was_restarted():
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


def _find_own_name(root: Path, words: Sequence[str]) -> str | None:
    """Return the name of the run that this fit began before its job was restarted, the same on all ranks."""
    if (name := os.environ.get(RUN_NAME_VARIABLE)) is not None:
        return name
    fit = describe_fit(words)
    if is_first_rank():
        run = find_own_run(root, fit)
        return None if run is None else run.name
    return wait_for_first_rank(root, fit)


def _latest_run(root: Path, name: str | None) -> Path | None:
    """Return the run called `name`, or else the one started or resumed last; None if there is none."""
    configs = root.glob(f"{name or '*'}/config.yaml")
    latest = max(configs, key=lambda config: config.stat().st_mtime, default=None)
    return None if latest is None else latest.parent


def settle_folder(config: Any, root: Path, words: Sequence[str] = ()) -> Path:
    """Return the folder that a subcommand writes to: the folder of the checkpoint's run, unless --name differs.

    With `--output` nothing is written there, so that none is made.

    Args:
        config: The subcommand's configuration. The run's own configuration is read again from its folder, to see
            whether the user gave the name or the run's configuration did.
        root: The folder of all runs.
        words: The command line's arguments, by which the ranks of a job know each other.
    """
    run = find_run(config.get("ckpt_path"))
    if run is None:
        return make_run_folder(config.name, root, words, makes=not config.get("output"))
    own = load_yaml(run / "config.yaml")
    # The folder may have been renamed since; nobody chose the `checkpoints` path of its old place.
    was = Path((own.get("trainer") or {}).get("default_root_dir") or run)
    for callback in config.trainer.callbacks or []:
        if callback.get("init_args") and callback.init_args.get("dirpath") == str(was / "checkpoints"):
            callback.init_args.dirpath = None
    if config.name in (None, own.get("name"), run.name):
        return from_here(run)
    return make_run_folder(config.name, root, words)


def is_first_rank() -> bool:
    """Return whether this is the process of rank 0; works before a trainer exists.

    Lightning reads the environment when it is imported, and not NODE_RANK, which a user sets who starts a process a machine.
    """
    return getattr(rank_zero_only, "rank", 0) == 0 and is_first_process(os.environ)


def goes_on(ckpt_path: str | None, folder: Path) -> bool:
    """Return whether a subcommand resumes the run in `folder` instead of starting a new one there.

    It resumes with a checkpoint of that run, with one of `KEYWORDS`, and after a cluster has restarted the job.
    """
    return ckpt_path in KEYWORDS or was_restarted() or find_run(ckpt_path) == folder.resolve()


def refuse_used(folder: Path, ckpt_path: str | None) -> None:
    """Raise ValueError if a fit would mix its files with those of another run.

    Only rank 0 checks: the other ranks find a folder that rank 0 has already written to.
    """
    used = any(any(folder.glob(files)) for files in ("checkpoints/*.ckpt", "predictions/*.csv", "hf/*"))
    if is_first_rank() and used and not goes_on(ckpt_path, folder):
        last = folder / "checkpoints" / "last.ckpt"
        resume = f"resume that run (--ckpt_path {shlex.quote(str(last))}), " if last.is_file() else ""
        raise ValueError(
            f"{folder} already holds a run. Choose another --name, {resume}or delete the folder."
        )


def refuse_other_root(args: Sequence[str]) -> None:
    """Raise ValueError if a command line sets the trainer's root folder, since that would have no effect."""
    if flag_value(args, "--trainer.default_root_dir") is not None:
        raise ValueError(
            "--trainer.default_root_dir: runs are written to runs/NAME in the current folder, so this flag has no effect. "
            "Choose NAME with --name, and the folder with `cd`."
        )


def make_run_folder(name: str | None, root: Path, words: Sequence[str] = (), makes: bool = True) -> Path:
    """Return this run's folder, the same on every rank: `root/<name>`.

    The default name is that of the cluster's job (`job-7`, the next one of the job `job-7-2`), or else the start time; see
    `is_default_name`.

    Args:
        name: The name that the user gave.
        root: The folder of all runs.
        words: The command line's arguments, by which the ranks of a job know each other.
        makes: Whether to make the folder of a default name, so that no other run takes it.
    """
    name = name or os.environ.get(RUN_NAME_VARIABLE)
    if name is None:
        name = _new_name(root, words) if makes else _default_name()
    check_name(name)
    os.environ[RUN_NAME_VARIABLE] = name
    return root / name


def _new_name(root: Path, words: Sequence[str]) -> str:
    """Return a name from the job or the time, and make its folder so that no other run that starts now takes it.

    Other ranks of `torchrun` or `srun` wait for rank 0's choice. One that cannot know it makes no folder: it writes nothing.
    """
    job, stem = find_job(), _default_name()
    if not is_first_rank():
        known = job is not None or "MASTER_PORT" in os.environ
        return (wait_for_first_rank(root, describe_fit(words)) if known else None) or stem
    for name in (stem, *(f"{stem}-{number}" for number in range(2, 1000))):
        try:
            (root / name).mkdir(parents=True)
        except FileExistsError:
            continue
        return name
    raise AssertionError("a thousand runs of one name")


def _default_name() -> str:
    job = find_job()
    return f"job-{job}" if job is not None else time.strftime("%Y%m%d-%H%M%S")


def is_default_name(name: str) -> bool:
    """Return whether a name is one that a run gets if the user gives none.

    Examples:
        >>> is_default_name("20260101-093000"), is_default_name("20260101-093000-2"), is_default_name("job-77-2")
        (True, True, True)
        >>> is_default_name("mine"), is_default_name("job-search")
        (False, False)
    """
    return re.fullmatch(r"(\d{8}-\d{6}|job-\d[\w.]*)(-\d+)?", name) is not None


@contextlib.contextmanager
def claimed(folder: Path, subcommand: str, words: Sequence[str], shard: str | None = None) -> Iterator[None]:
    """Hold the folder that a subcommand writes to, on rank 0: the run's own for `fit`, else a subfolder.

    The other ranks write with rank 0, and end with it. The shards of a prediction are written at the same time, a file each, so
    each has a claim of its own.

    Raises:
        ValueError: If another process holds it.
    """
    if not is_first_rank():
        yield
        return
    fit = describe_fit(words)
    own = folder if subcommand == "fit" else folder / subcommand
    with Claim(own if shard is None else own / shard.replace("/", "-of-"), describe_self(words, **fit)):
        if subcommand == "fit" and find_job() is not None:
            write_record(folder, fit)
        yield


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
