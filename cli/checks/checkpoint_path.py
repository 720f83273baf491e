"""What `--ckpt_path` means: a checkpoint's file, or a run's folder."""

from __future__ import annotations

import difflib
import shlex
import zipfile
from collections.abc import Sequence
from pathlib import Path

from cli.argv import flag_value, without_flag

KEYWORDS = ("last", "best", "hpc")
"""Values of --ckpt_path other than a file; Lightning handles `hpc`."""


def find_run(ckpt_path: str | None) -> Path | None:
    """Return the run's folder of a checkpoint (`<run>/checkpoints/x.ckpt`), or None if it has no config.yaml."""
    if not ckpt_path or ckpt_path in KEYWORDS:
        return None
    folder = Path(ckpt_path).resolve().parent.parent
    return folder if (folder / "config.yaml").is_file() else None


def find_checkpoint(given: str, fits: bool) -> str:
    """Return the checkpoint that a path means; in a run's folder `last.ckpt` to train on, `best.ckpt` for anything else.

    Args:
        given: A file, a run's folder, or its folder `checkpoints` or `hf`; `KEYWORDS` stay as they are, and so
            does what does not exist.
        fits: Whether the subcommand is `fit`.

    Raises:
        ValueError: If a folder holds no such checkpoint.
    """
    folder = Path(given).expanduser()
    if given in KEYWORDS or not folder.is_dir():
        return given
    if fits and is_export(folder):
        raise ValueError(
            f"--ckpt_path {given!r}: expected a run to go on with, but an exported folder has no state of training: give its "
            f"run, or --model.base {shlex.quote(given)} to start from its weights."
        )
    names = ("last.ckpt", "best.ckpt") if fits else ("best.ckpt", "last.ckpt")
    for place in _list_places(folder):
        for name in names:
            if (place / name).is_file():
                return str(place / name)
    others = sorted(str(path) for path in folder.rglob("*.ckpt"))
    hint = f" Name one of its files: {', '.join(others[:3])}." if others else ""
    raise ValueError(
        f"--ckpt_path {given!r}: expected a checkpoint or a run's folder, but this folder holds neither best.ckpt nor "
        f"last.ckpt.{hint}"
    )


def is_export(folder: Path) -> bool:
    """Return whether a folder is an exported model and not a run."""
    return (folder / "config.json").is_file() and not (folder / "checkpoints").is_dir()


def has_checkpoint(folder: Path) -> bool:
    """Return whether a run's folder, or that of an exported folder, holds best.ckpt or last.ckpt."""
    return any(
        (place / name).is_file() for place in _list_places(folder) for name in ("best.ckpt", "last.ckpt")
    )


def _list_places(folder: Path) -> list[Path]:
    """Return where a folder's checkpoints may lie: those of an exported one in its run's folder."""
    beside = [folder.resolve().parent / "checkpoints"] if is_export(folder) else []
    return [folder / "checkpoints", folder, *beside]


def take_folder(args: Sequence[str]) -> list[str]:
    """Return the arguments with the checkpoint's file in place of a run's folder after `--ckpt_path`.

    Raises:
        ValueError: If the folder holds no checkpoint.
    """
    given = flag_value(args, "--ckpt_path")
    path = None if given is None else find_checkpoint(given, args[:1] == ["fit"])
    return list(args) if path == given else [*without_flag(args, "--ckpt_path"), "--ckpt_path", str(path)]


def no_run(keyword: str, name: str | None, runs: Path) -> ValueError:
    """Return the error for a keyword that means no run."""
    near = difflib.get_close_matches(
        name or "", [path.parent.name for path in runs.glob("*/config.yaml")], n=1
    )
    advice = (
        f"Did you mean --name {near[0]}?"
        if near
        else "Start one with `fit` (without --ckpt_path), or give the path of a checkpoint."
    )
    return ValueError(
        f"--ckpt_path {keyword}: there is no run{f' {name}' if name else ''} in {runs} to go on with. {advice}"
    )


def check_keyword(keyword: str, name: str | None, runs: Path) -> None:
    """Raise ValueError if `last` or `best` of a subcommand other than `fit` means no run."""
    if keyword in ("last", "best") and not any(runs.glob(f"{name or '*'}/config.yaml")):
        raise no_run(keyword, name, runs)


def check_checkpoint(ckpt_path: str | None) -> None:
    """Raise ValueError for a checkpoint that does not exist, is cut off, or holds no weights of a run.

    PyTorch's zip archive has its index at its end, and the names of what it holds in one small file: no weights are read.
    """
    if not ckpt_path or ckpt_path in KEYWORDS:
        return
    path = Path(ckpt_path).expanduser()
    if not path.is_file():
        raise ValueError(
            f"--ckpt_path {str(ckpt_path)!r} is not a file and no run's folder, such as runs/NAME or a file in its checkpoints."
            f"{_nearest(path)}"
        )
    with path.open("rb") as file:
        start = file.read(2)
    if start == b"\x80\x02":  # how PyTorch wrote files before it used zip archives
        return
    if wrong := _find_fault(path, start):
        raise ValueError(
            f"--ckpt_path {str(ckpt_path)!r}: expected a checkpoint, but {wrong} ({path.stat().st_size:,} bytes). Copy it "
            "again, or take another one of the run: last.ckpt or best.ckpt in runs/NAME/checkpoints."
        )


def _find_fault(path: Path, start: bytes) -> str:
    """Return what is wrong with a file, or an empty text."""
    if not start:
        return "it is empty"
    if not zipfile.is_zipfile(path):
        return "it was cut off" if start == b"PK" else "it is another kind of file"
    try:
        with zipfile.ZipFile(path) as archive:
            names = [name for name in archive.namelist() if name.endswith("/data.pkl")]
            held = archive.read(names[0]) if names else b""
    except (zipfile.BadZipFile, OSError, NotImplementedError) as error:
        return f"it is damaged ({error})"
    if not names:
        return "it is another kind of file"
    return "" if b"state_dict" in held else "it holds no weights of a run"


def _nearest(path: Path) -> str:
    """Return a suggestion: a checkpoint beside the path, or a run of a similar name."""
    beside = [str(file) for file in path.parent.glob("*.ckpt")] if path.parent.is_dir() else []
    runs = [str(file) for file in Path("runs").glob("*/checkpoints/*.ckpt")]
    close = difflib.get_close_matches(str(path), [*beside, *runs], n=1, cutoff=0.6)
    return f" Did you mean {close[0]!r}?" if close else ""
