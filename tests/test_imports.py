"""What an import drags in. The rules between our own packages are import-linter's (`make lint`)."""

from __future__ import annotations

import pytest

from tests.helpers.imports import loaded_by


@pytest.mark.pitfall(31)
@pytest.mark.parametrize(
    "module",
    ["datamodules.notations.smiles", "datamodules.workers.guarded_worker", "datamodules.tasks", "datamodules.splits",
     "datamodules.sources.lookup", "callbacks.statistics.intervals", "cli.help_pages", "cli.argv", "train",
     "lightning_modules.generation.settings", "lightning_modules.decoder.lora_settings", "lightning_modules.decoder.bases"],
)  # fmt: skip
def test_light_modules_load_nothing_heavy(module: str) -> None:
    assert loaded_by(f"import {module}") == set()


def test_import_probe_sees_what_is_loaded() -> None:
    assert "torch" in loaded_by("import datamodules.tokens.batching")
