"""The folder of a run: which one it is, and whether it may be written to."""

from __future__ import annotations

import contextlib
import os
import re
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from lightning.pytorch.utilities import rank_zero_only
from lightning.pytorch.utilities.rank_zero import rank_zero_info

from callbacks.loggers.secrets import hide_secrets
from callbacks.run.run_facts import from_here
from cli.argv import flag_value, without_flag
from configs.lookup import load_yaml

RUN_NAME_VARIABLE = "PATOIS_RUN_NAME"
"""Tells the other ranks, which start the same command a moment later, the run's name."""
KEYWORDS = ("last", "best", "hpc")
"""What --ckpt_path takes besides a file; `hpc` is left to Lightning."""


def find_run(ckpt_path: str | None) -> Path | None:
    """Return the run's folder that a checkpoint lies in (`<run>/checkpoints/x.ckpt`), if it has a config."""
    if not ckpt_path or ckpt_path in KEYWORDS:
        return None
    folder = Path(ckpt_path).resolve().parent.parent
    return folder if (folder / "config.yaml").is_file() else None


def was_restarted() -> bool:
    """Return whether a cluster starts this job once more."""
    names = ("SLURM_RESTART_COUNT", "TORCHELASTIC_RESTART_COUNT")
    return any(os.environ.get(name, "0") != "0" for name in names)


def resolve_keyword(words: Sequence[str], root: Path) -> list[str]:
    """Replace `--ckpt_path last` or `best` by the file: of the run called --name, else of the one begun last.

    A job that the cluster starts once more is taken for one that said `last`. A run that was stopped before it wrote
    its first checkpoint begins again, with its own configuration.

    Args:
        words: Words of a command line.
        root: Where runs lie.

    Raises:
        ValueError: If there is no run, or it has no such checkpoint.
    """
    words = list(words)
    fits = words[:1] == ["fit"]
    keyword, name = flag_value(words, "--ckpt_path"), flag_value(words, "--name")
    if keyword is None and fits and was_restarted():
        keyword, name = "last", name or _shared_name()
    if keyword not in ("last", "best"):
        return words
    rest = without_flag(words, "--ckpt_path")
    run = _latest_run(root, name or os.environ.get(RUN_NAME_VARIABLE))
    if run is None:
        if fits and keyword == "last" and (name is not None or was_restarted()):
            return rest
        raise ValueError(
            f"--ckpt_path {keyword}: there is no run{f' {name}' if name else ''} in {root} to go on with."
        )
    os.environ[RUN_NAME_VARIABLE] = run.name  # for the other ranks
    path = run / "checkpoints" / f"{keyword}.ckpt"
    if path.is_file():
        return [*rest, "--ckpt_path", str(path)]
    if fits and keyword == "last":
        rank_zero_info(f"{run} was stopped before its first checkpoint and begins again.")
        return ["fit", "--config", str(run / "config.yaml"), *rest[1:], "--name", run.name]
    raise ValueError(f"--ckpt_path {keyword}: {path} is not there (yet).")


def _latest_run(root: Path, name: str | None) -> Path | None:
    """Return the run of that name, or the one that was begun or gone on with last; None if there is none."""
    configs = root.glob(f"{name or '*'}/config.yaml")
    latest = max(configs, key=lambda config: config.stat().st_mtime, default=None)
    return None if latest is None else latest.parent


def check_checkpoint(ckpt_path: str | None) -> None:
    """Raise ValueError for a checkpoint that does not exist; `last` and `best` are words that Lightning knows."""
    if ckpt_path and ckpt_path not in KEYWORDS and not Path(ckpt_path).is_file():
        raise ValueError(
            f"--ckpt_path {ckpt_path!r} is not a file; a run's checkpoints are in runs/NAME/checkpoints."
        )


def settle_folder(config: Any, root: Path) -> Path:
    """Return the folder that a subcommand writes to: that of the checkpoint's run, unless --name says another.

    Args:
        config: The subcommand's configuration. A run's own is read again from its folder, which tells a name that
            was given from the one that came with the run.
        root: Where runs lie.
    """
    run = find_run(config.get("ckpt_path"))
    if run is None:
        return make_run_folder(config.name, root)
    own = load_yaml(run / "config.yaml")
    # The folder may have been renamed since; `checkpoints` of where it was is not what somebody asked for.
    was = Path((own.get("trainer") or {}).get("default_root_dir") or run)
    for callback in config.trainer.callbacks or []:
        if callback.get("init_args") and callback.init_args.get("dirpath") == str(was / "checkpoints"):
            callback.init_args.dirpath = None
    if config.name in (None, own.get("name"), run.name):
        return from_here(run)
    return make_run_folder(config.name, root)


def is_first_rank() -> bool:
    """Return whether this is the process of rank 0, also before there is a trainer."""
    return getattr(rank_zero_only, "rank", 0) == 0


def goes_on(ckpt_path: str | None, folder: Path) -> bool:
    """Return whether a subcommand goes on with the run in `folder`, rather than begin one there.

    It does with a checkpoint of that run or one of Lightning's keywords, and when a cluster starts a job once more.
    """
    return ckpt_path in KEYWORDS or was_restarted() or find_run(ckpt_path) == folder.resolve()


def refuse_used(folder: Path, ckpt_path: str | None) -> None:
    """Raise ValueError when a fit would mix its files with those of another run.

    Only rank 0 looks: the others come to a folder that it has begun to fill.
    """
    used = any(folder.glob("checkpoints/*.ckpt")) or any(folder.glob("predictions/*.csv"))
    if is_first_rank() and used and not goes_on(ckpt_path, folder):
        last = folder / "checkpoints" / "last.ckpt"
        raise ValueError(
            f"{folder} holds a run. Choose another --name, go on with it (--ckpt_path {last}), or delete the folder."
        )


def refuse_other_root(words: Sequence[str]) -> None:
    """Raise ValueError when a command line says where runs lie; they would lie elsewhere."""
    if flag_value(words, "--trainer.default_root_dir") is not None:
        raise ValueError(
            "--trainer.default_root_dir: runs lie in runs/NAME of the folder that the command is run in; choose NAME with "
            "--name, and the folder by `cd`."
        )


def make_run_folder(name: str | None, root: Path) -> Path:
    """Return the folder of this run, the same on every rank: `root/<name>`, by default named after the time."""
    name = name or os.environ.get(RUN_NAME_VARIABLE)
    if name is None:
        name = _shared_name() or _new_name(root)
    if not re.fullmatch(r"[\w.+-]+", name) or name in (".", ".."):
        raise ValueError(
            f"Expected --name to be letters, digits and . _ + -, since it names a folder, but got {name!r}."
        )
    if hide_secrets(name) != name:
        raise ValueError(
            "Expected --name to name a folder that anybody may see, but it looks like a key or a password."
        )
    os.environ[RUN_NAME_VARIABLE] = name
    return root / name


def _shared_name() -> str | None:
    """Return what all ranks of a cluster's job can call its run, or None outside of one."""
    job = os.environ.get("TORCHELASTIC_RUN_ID") or os.environ.get("SLURM_JOB_ID")
    return f"job-{job}" if job not in (None, "none") else None


def _new_name(root: Path) -> str:
    """Return a name after the time, and make its folder, so that no run started in the same second takes it too.

    A rank of `torchrun` that cannot know what rank 0 chose makes none: it writes nothing there.
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
    """Forget the run's name at the end, so that the next run of this process gets its own.

    After an error the run's folder, and `root`, are removed again if they are still empty.
    """
    try:
        yield
    except BaseException:
        name = os.environ.get(RUN_NAME_VARIABLE)
        with contextlib.suppress(OSError):  # not empty, or not there
            if name and is_first_rank():
                (root / name).rmdir()
                root.rmdir()
        raise
    finally:
        os.environ.pop(RUN_NAME_VARIABLE, None)
