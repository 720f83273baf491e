from __future__ import annotations

import pytest

from datamodules.rows.read_and_split import SplitSettings
from datamodules.texts.draw_settings import DrawSettings


def test_settings_of_the_split_are_found_alone() -> None:
    settings = DrawSettings(shots=3, val_fraction=0.2)
    assert settings.split_settings == SplitSettings(val_fraction=0.2)


def test_values_of_both_are_checked() -> None:
    with pytest.raises(
        ValueError,
        match=r"Expected --data\.shots to be a number such as 3 or a range such as 0-6, but got -1",
    ):
        DrawSettings(shots=-1)
    with pytest.raises(ValueError, match=r"--data\.split_seed"):
        DrawSettings(split_seed=-1)


def test_adaptive_sampling_needs_tasks_to_choose_among() -> None:
    settings = DrawSettings(sampling="adaptive", target_task="spel")
    with pytest.raises(
        ValueError, match=r"--data\.sampling adaptive needs two or more tasks that are trained, but got a"
    ):
        settings.check_tasks(["a", "b"], [1.0, 0.0])
    with pytest.raises(
        ValueError, match=r"--data\.target_task to be one of the tasks \(a, spell\), but got 'spel'.*spell"
    ):
        settings.check_tasks(["a", "spell"], None)
    with pytest.raises(
        ValueError, match=r"--data\.target_task a needs --data\.sampling adaptive, but got fixed"
    ):
        DrawSettings(target_task="a")
    with pytest.raises(ValueError, match=r"--data\.sampling_floor to be in \[0, 1\], but got 2"):
        DrawSettings(sampling_floor=2)
