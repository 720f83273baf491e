from __future__ import annotations

from types import SimpleNamespace

import pytest
from huggingface_hub import constants

from cli import hub_fallback


def config_of(base: str = "builtin", source: str | None = None) -> SimpleNamespace:
    data = SimpleNamespace(source=source, val_source=None, test_source=None, predict_path=None)
    return SimpleNamespace(model=SimpleNamespace(base=base), data=data)


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The hosts that were asked; none answers."""
    hosts: list[str] = []

    def is_reachable(url: str) -> bool:
        hosts.append(url)
        return False

    monkeypatch.setattr(hub_fallback, "is_reachable", is_reachable)
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)
    monkeypatch.setenv("HF_HUB_OFFLINE", "0")
    return hosts


@pytest.mark.parametrize(
    "config", [config_of("opt-125m"), config_of("a/b"), config_of(source="hf://datasets/a/b/c.csv")]
)
def test_hub_that_does_not_answer_is_asked_once(
    asked: list[str], config: SimpleNamespace, capsys: pytest.CaptureFixture[str]
) -> None:
    hub_fallback.leave_unreachable_hub(config)
    hub_fallback.leave_unreachable_hub(config)
    assert asked == [constants.ENDPOINT]
    assert constants.is_offline_mode()
    assert "could not be reached" in capsys.readouterr().err


def test_hub_is_not_asked_for_local_folders(asked: list[str]) -> None:
    hub_fallback.leave_unreachable_hub(config_of())
    assert asked == []
    assert not constants.is_offline_mode()


def test_hub_that_answers_is_used(asked: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hub_fallback, "is_reachable", lambda _: True)
    hub_fallback.leave_unreachable_hub(config_of("opt-125m"))
    assert not constants.is_offline_mode()
