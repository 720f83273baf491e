"""A run as the demo page finds it."""

from __future__ import annotations

from pathlib import Path

import yaml

from tests.helpers.tiny import save_tiny


def write_run(folder: Path, **data: object) -> Path:
    """A run's folder with a tiny random decoder as its export."""
    save_tiny(folder / "hf")
    settings = {"data": {"task": "name_small_molecules", "format": "arrow", **data}}
    (folder / "config.yaml").write_text(yaml.safe_dump(settings))
    (folder / "hf" / "generation_config.json").write_text('{"max_new_tokens": 8}')
    return folder
