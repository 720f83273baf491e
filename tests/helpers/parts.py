"""A model's folder whose further tasks have weights of their own."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

from datamodules.texts.asking import FILE
from lightning_modules.decoder.bases import FLAGSHIP

BUNDLED = FLAGSHIP.parent / "bundled"


def write_parts(folder: Path, form: str | None = None) -> Path:
    """Write the flagship's files with its first task, and a part that answers its second one by the bundled base's weights.

    Args:
        folder: Where to write.
        form: A format of the part that differs from that of the whole.
    """
    whole, part = folder / "pair", folder / "pair" / "draws"
    content = json.loads((FLAGSHIP / FILE).read_text(encoding="utf-8"))
    tasks = {task["name"]: task for task in content["tasks"]}
    for place, name, weights in ((whole, "smiles_to_iupac", FLAGSHIP), (part, "iupac_to_smiles", BUNDLED)):
        place.mkdir(parents=True)
        for file in ("config.json", "generation_config.json", "tokenizer.json", "tokenizer_config.json"):
            shutil.copyfile(FLAGSHIP / file, place / file)
        (place / "model.safetensors").symlink_to(weights / "model.safetensors")
        one = {
            **content,
            "tasks": [tasks.get(name) or tasks_of_part(name)],
            "parts": ["draws"] if place == whole else [],
        }
        if form is not None and place == part:
            one["format"] = {**one["format"], "name": form}
        (place / FILE).write_text(json.dumps(one), encoding="utf-8")
    return whole


def tasks_of_part(name: str) -> dict[str, object]:
    """Return a task of the shipped part as its file has it."""
    content = json.loads((FLAGSHIP / "draws" / FILE).read_text(encoding="utf-8"))
    [task] = [task for task in content["tasks"] if task["name"] == name]
    return dict(task)
