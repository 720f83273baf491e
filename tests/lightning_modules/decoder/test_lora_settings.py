from __future__ import annotations

import importlib.util
import re
from typing import Any

import pytest

from lightning_modules.decoder.lora_settings import LoraSettings


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"method": "qlora"}, "peft.method to be lora, dora or rslora, but got 'qlora'"),
        ({"rank": 0}, "peft.rank to be a whole number of at least 1, but got 0"),
        ({"alpha": 0.0}, "peft.alpha to be above 0"),
        ({"dropout": 1.0}, r"peft.dropout to be in \[0, 1\), but got 1.0"),
        (
            {"targets": "mlp"},
            "peft.targets to be attention, all_linear or a list of module names, but got 'mlp'",
        ),
        ({"targets": []}, "a list of module names"),
    ],
)
def test_settings_that_cannot_work_are_errors(arguments: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        LoraSettings(**arguments)


def test_without_peft_the_error_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(ValueError, match=re.escape('pip install -e ".[peft]"')):
        LoraSettings()
