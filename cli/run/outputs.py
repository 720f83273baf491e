"""Keep what an earlier command wrote: `test`, `validate` and `predict` replace their own output only when they are repeated."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

from lightning.pytorch.utilities.rank_zero import rank_zero_info

from cli.resume_diff import differences
from cli.run.claim import FILE
from configs.lookup import load_yaml
from configs.yaml_text import write_yaml
from datamodules.sources.output.names import name_shard, output_name
from datamodules.sources.tables.read import strip_suffix
from datamodules.storage.atomic_write import whole_file

RECORD = "command.yaml"
"""The settings of the command that wrote a folder or, with the file's name before it, a file."""


def find_outputs(folder: Path, subcommand: str, settings: dict[str, Any]) -> tuple[Path, Path]:
    """Return what a subcommand writes, a file of `predict` or else a folder, and where the settings for it are kept.

    Examples:
        >>> find_outputs(Path("runs/a"), "test", {})[0].as_posix()
        'runs/a/test'
        >>> [path.as_posix() for path in find_outputs(Path("runs/a"), "predict", {"data": {"predict_path": "x/new.csv.gz"}})]
        ['runs/a/predict/predictions/new.csv.gz', 'runs/a/predict/new.csv.gz.command.yaml']
    """
    own = folder / subcommand
    if subcommand != "predict":
        return own, own / RECORD
    data = settings.get("data") or {}
    name = output_name(data.get("predict_path") or "predict")
    name = name_shard(Path(name), data.get("predict_shard")).name
    return own / "predictions" / name, own / _record_name(name)


def _record_name(name: str) -> str:
    """Return the name of the file with the settings for a file of answers."""
    return f"{name.removesuffix('.csv')}.{RECORD}"


def is_same_command(before: dict[str, Any], now: dict[str, Any]) -> bool:
    """Return whether two commands have the same settings."""
    return before.get("ckpt_path") == now.get("ckpt_path") and not differences(before, now)


def keep_earlier(folder: Path, subcommand: str, settings: dict[str, Any]) -> None:
    """Move to a numbered sibling what a command with other settings wrote, and keep the settings of this one.

    Where `--output` names the file, nothing is written to the run's folder. Else the latest output is always at its
    own place. A line tells what is replaced or moved.

    Args:
        folder: The run's folder.
        subcommand: `validate`, `test` or `predict`.
        settings: The command's settings, without secrets.
    """
    if settings.get("output"):
        return
    output, record = find_outputs(folder, subcommand, settings)
    files = [output] if output.is_file() else []
    if output.is_dir():
        files = [path for path in output.iterdir() if path.name != FILE]
    written = [path for path in files if path != record]
    if written and record.is_file() and is_same_command(load_yaml(record), settings):
        when = time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(record.stat().st_mtime))
        rank_zero_info(f"{output}: replaces what the same command wrote on {when}.")
    elif written:
        kept = _find_sibling(output)
        if output.is_dir():
            kept.mkdir()
            for path in files:
                path.rename(kept / path.name)
        else:
            output.rename(kept)
            if record.is_file():
                record.rename(record.with_name(_record_name(kept.name)))
        rank_zero_info(
            f"{output} was written by a command with other settings; that output is kept as {kept}."
        )
    record.parent.mkdir(parents=True, exist_ok=True)
    with whole_file(record) as file:
        file.write(write_yaml(settings))


def _find_sibling(output: Path) -> Path:
    stem = strip_suffix(output.name)
    suffix = output.name[len(stem) :]
    names = (output.with_name(f"{stem}-{number}{suffix}") for number in range(1, 10_000))
    return next(path for path in names if not path.exists())
