"""A model's folder whose further tasks have weights of their own."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

from datamodules.texts.asking import FILE
from lightning_modules.decoder.bases import FLAGSHIP

BUNDLED = FLAGSHIP.parent / "bundled"


def write_parts(folder: Path, form: str | None = None) -> Path:
    """Write the flagship's files, with the bundled base's weights in place of those that draw.

    Args:
        folder: Where to write.
        form: A format of the part that differs from that of the whole.
    """
    whole, part = folder / "pair", folder / "pair" / "draws"
    for place, origin, weights in ((whole, FLAGSHIP, FLAGSHIP), (part, FLAGSHIP / "draws", BUNDLED)):
        place.mkdir(parents=True)
        for file in ("config.json", "generation_config.json", "tokenizer.json", "tokenizer_config.json"):
            shutil.copyfile(origin / file, place / file)
        (place / "model.safetensors").symlink_to(weights / "model.safetensors")
        content = json.loads((origin / FILE).read_text(encoding="utf-8"))
        if form is not None and place == part:
            content["format"]["name"] = form
        (place / FILE).write_text(json.dumps(content), encoding="utf-8")
    return whole
