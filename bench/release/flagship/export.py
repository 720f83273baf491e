"""Copy a run's Hugging Face folder to where the models that ship lie, with its weights in fp16."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterable
from pathlib import Path

from bench.release.bundled import BUNDLED
from bench.release.flagship.parts import PARTS, Part
from callbacks.reports.export.hf_folder import make_portable
from datamodules.rows.training_record import FILE
from datamodules.texts.asking import FILE as ASKING
from datamodules.texts.asking import load_asking
from lightning_modules.decoder.bases import FLAGSHIP
from lightning_modules.decoder.decoders import load_decoder, load_tokenizer

MOST_BYTES = 64_000_000
"""Limit for all shipped weights: the flagship's and the bundled base's."""


def export(run: Path, part: Part) -> None:
    """Copy a run's Hugging Face folder, with its weights in fp16.

    fp16 and not bf16: the weights are small numbers, for which fp16 keeps three more bits.

    Args:
        run: A run that has ended.
        part: What it becomes; the other parts stay as they are.

    Raises:
        ValueError: If the run has not ended, or the shipped files would be too large.
    """
    source, folder = run / "hf", part.folder
    if not (source / "config.json").is_file():
        raise ValueError(f"{run}: expected a run that has ended, but it has no hf/config.json.")
    folder.mkdir(parents=True, exist_ok=True)
    for path in folder.iterdir():
        if path.is_file():
            path.unlink()
    left_out = shutil.ignore_patterns("README.md", ".eval_results", "*.safetensors")
    shutil.copytree(source, folder, ignore=left_out, dirs_exist_ok=True)
    load_decoder(str(source)).half().save_pretrained(folder)
    shutil.copyfile(source / "generation_config.json", folder / "generation_config.json")
    asking = load_asking(source)
    assert asking is not None, "the export of a run tells how it is asked"
    settings = json.loads((source / "generation_config.json").read_text(encoding="utf-8"))
    make_portable(folder, load_tokenizer(str(source)), asking, settings["max_new_tokens"])
    point_to_parts(folder)
    shutil.copyfile(run / FILE, folder / FILE)  # so that a test knows the rows of all its training
    size = count_bytes([FLAGSHIP, BUNDLED])
    if size > MOST_BYTES:
        raise ValueError(
            f"{FLAGSHIP}: expected at most {MOST_BYTES:,} bytes with {BUNDLED}, but they are {size:,}."
        )


def point_to_parts(folder: Path) -> None:
    """Let a folder's patois.json name the folders within it that hold weights for further tasks."""
    path = folder / ASKING
    content = json.loads(path.read_text(encoding="utf-8"))
    content["parts"] = sorted(one.folder.name for one in PARTS.values() if one.folder.parent == folder)
    path.write_text(json.dumps(content, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")


def count_bytes(folders: Iterable[Path]) -> int:
    """Return the size of all files of some folders, with those within them."""
    return sum(path.stat().st_size for folder in folders for path in folder.rglob("*") if path.is_file())
