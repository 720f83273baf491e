from __future__ import annotations

import pytest

from datamodules.rows.read_and_split import SplitSettings
from datamodules.texts.draw_settings import DrawSettings


def test_settings_of_the_split_are_found_alone() -> None:
    settings = DrawSettings(shots=3, val_fraction=0.2)
    assert settings.split_settings == SplitSettings(val_fraction=0.2)


def test_values_of_both_are_checked() -> None:
    with pytest.raises(ValueError, match=r"Expected --data\.shots to be at least 0, but got -1"):
        DrawSettings(shots=-1)
    with pytest.raises(ValueError, match=r"--data\.split_seed"):
        DrawSettings(split_seed=-1)
