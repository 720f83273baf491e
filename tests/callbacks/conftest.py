from __future__ import annotations

import pytest


@pytest.fixture
def wandb_home(tmp_path, monkeypatch):
    """A machine without W&B key, settings or running run; what W&B keeps goes to a folder of the test."""
    import wandb

    for name in (
        "API_KEY",
        "MODE",
        "RUN_ID",
        "PROJECT",
        "BASE_URL",
        "IDENTITY_TOKEN_FILE",
        "ENTITY",
        "SWEEP_ID",
    ):
        monkeypatch.delenv(f"WANDB_{name}", raising=False)
    home = tmp_path / "home"
    home.mkdir()
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.setenv("NETRC", str(home / "netrc"))
    for name in ("DATA", "CACHE", "CONFIG"):
        monkeypatch.setenv(f"WANDB_{name}_DIR", str(home / name.lower()))
    monkeypatch.setenv("WANDB_SILENT", "true")
    wandb.finish()  # what a test of another file left open in this process
    wandb.teardown()
    yield home
    wandb.teardown()
