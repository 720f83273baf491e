from __future__ import annotations

import re

import pytest

from cli.commands import env
from cli.main import main


def test_version_is_that_of_the_project(capsys: pytest.CaptureFixture[str]) -> None:
    main(["--version"])
    assert re.fullmatch(r"patois \d+\.\d+\.\d+\n", capsys.readouterr().out)


def test_env_says_what_a_bug_report_needs(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(env.shutil, "which", lambda program: None)
    monkeypatch.setitem(env.EXTRAS, "nothing", "no-such-package")
    env.main([])
    lines = dict(line.split(None, 1) for line in capsys.readouterr().out.splitlines())
    assert {"patois", "Python", "torch", "lightning", "transformers", "CPU", "GPU", "extras"} <= set(lines)
    assert re.match(r"\d+ cores, bf16 (not )?in hardware", lines["CPU"])
    assert lines["Java"] == "not installed: names cannot be read back"
    assert "nothing" in lines["without"]
