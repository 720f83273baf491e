"""The parts of the allowlist; that nothing outside it is imported, wherever it is named, is in tests/stress."""

from __future__ import annotations

import importlib
from typing import Any

import pytest
from jsonargparse import Namespace

from cli.class_allowlist import ALLOWED, VARIABLE, explain_denial, refuse_foreign_code


def settings(remote: bool = False, **others: Any) -> Namespace:
    return Namespace(model=Namespace(trust_remote_code=remote), **others)


@pytest.mark.parametrize("name", ALLOWED)
def test_every_allowed_module_exists(name: str) -> None:
    importlib.import_module(name)


def test_denial_names_the_variable_that_would_allow_the_module() -> None:
    denied = (
        "Problem with given class_path 'mine.callbacks.Beep':\n  Importing 'mine.callbacks.Beep' is not allowed, denied by "
        "import_path_denylist.\nUse set_parsing_settings(import_path_allowlist=[...]) to allow it. See --help."
    )
    message = explain_denial(denied)
    assert message.startswith(
        "Problem with given class_path 'mine.callbacks.Beep':\n  mine.callbacks.Beep is not in the "
    )
    assert message.endswith(f"{VARIABLE}=mine.callbacks python train.py ... See --help.")
    assert "set_parsing_settings" not in message
    top = explain_denial("Importing 'evil' is not allowed, denied by X to allow it.")
    assert top.endswith("PATOIS_ALLOW=evil python train.py ...")
    assert explain_denial("some other message") == "some other message"


@pytest.mark.parametrize(
    ("remote", "words", "refused"),
    [
        (False, [], False),
        (True, ["--model.trust_remote_code", "true"], False),
        (True, ["--model.trust_remote_code=true"], False),
        (True, [], True),
        (True, ["--model.trust_remote_code", "false"], True),  # a file that comes later says true
        (True, ["--model.base", "true"], True),
    ],
)
def test_code_of_a_base_runs_only_if_the_user_typed_it(remote: bool, words: list[str], refused: bool) -> None:
    if not refused:
        refuse_foreign_code(settings(remote), words)
        return
    with pytest.raises(ValueError, match=r"set the flag yourself: --model\.trust_remote_code true"):
        refuse_foreign_code(settings(remote), words)


def test_checkpoints_are_never_read_as_more_than_weights() -> None:
    config = settings(weights_only=None)
    refuse_foreign_code(config, [])
    assert config.weights_only is True
    with pytest.raises(ValueError, match="Expected weights_only to be unset or true, but got false"):
        refuse_foreign_code(settings(weights_only=False), ["--weights_only", "false"])
    fit = settings()  # `fit` has no such flag, and gets none
    refuse_foreign_code(fit, [])
    assert "weights_only" not in fit
