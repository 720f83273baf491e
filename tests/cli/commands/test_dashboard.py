from __future__ import annotations

import pytest

from callbacks.reports.dashboard import build
from cli.commands import dashboard
from tests.helpers.imports import loaded_by


@pytest.fixture(autouse=True)
def no_wandb_of_this_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("WANDB_PROJECT", "WANDB_ENTITY", "WANDB_MODE", "WANDB_API_KEY"):
        monkeypatch.delenv(name, raising=False)


def test_dry_run_prints_the_layout_and_needs_nothing(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(dashboard, "find_spec", lambda name: pytest.fail("asked for the package"))
    dashboard.main(["--dry-run", "--project", "names"])
    printed = capsys.readouterr().out
    assert printed.startswith(
        "workspace and report of the project names\nExact match and well-formed answers\n"
    )
    assert "val/predictions" in printed
    assert loaded_by("from cli.commands.dashboard import main\nmain(['--dry-run'])") == set()


@pytest.mark.parametrize("mode", ["offline", "disabled"])
def test_offline_mode_prints_the_layout_and_says_so(
    mode: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("WANDB_MODE", mode)
    monkeypatch.setenv("WANDB_PROJECT", "mine")
    dashboard.main([])
    output = capsys.readouterr()
    assert output.out.startswith("workspace and report of the project mine\n")
    assert f"W&B is off (WANDB_MODE={mode}): nothing was sent." in output.err


def test_missing_package_and_missing_key_are_told_in_one_line(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(dashboard, "find_spec", lambda name: None)
    with pytest.raises(ValueError, match=r"needs the package wandb-workspaces, .* pip install"):
        dashboard.main([])
    monkeypatch.setattr(dashboard, "find_spec", lambda name: object())
    monkeypatch.setattr("callbacks.loggers.wandb_logger.has_credentials", lambda *_: False)
    with pytest.raises(ValueError, match="Expected a key of W&B, but found none: `wandb login`"):
        dashboard.main([])
    monkeypatch.setattr("callbacks.loggers.wandb_logger.has_credentials", lambda *_: True)
    monkeypatch.setattr("callbacks.loggers.wandb_logger.is_reachable", lambda *_: False)
    with pytest.raises(ValueError, match="did not answer within 5 s: check the network"):
        dashboard.main(["--entity", "me"])


def test_addresses_are_printed(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(dashboard, "find_spec", lambda name: object())
    monkeypatch.setattr(dashboard, "_check_access", lambda: None)
    monkeypatch.setattr(dashboard, "_find_entity", lambda: "owner")
    sent: list[tuple[str, str]] = []

    def upload(entity: str, project: str, sections: object) -> dict[str, str]:
        sent.append((entity, project))
        return {"workspace": "https://w", "report": "https://r"}

    monkeypatch.setattr(build, "upload", upload)
    dashboard.main(["--project", "names"])
    dashboard.main(["--entity", "team"])
    assert sent == [("owner", "names"), ("team", "patois")]
    assert capsys.readouterr().out.startswith("workspace: https://w\nreport: https://r\n")
