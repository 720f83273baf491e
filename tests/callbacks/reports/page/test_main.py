from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from callbacks.reports.page.__main__ import main
from tests.helpers.run_folders import write_fit
from tests.helpers.runs import PROJECT


def test_command_writes_the_page_and_prints_its_path(tmp_path, capsys):
    run = write_fit(tmp_path / "mine")
    main([str(run)])
    assert capsys.readouterr().out == f"{run}/report.html\n"
    assert (run / "report.html").read_text().startswith("<!doctype html>")


def test_command_without_a_run_takes_the_latest(tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for name, age in (("older", 100), ("newer", 10), ("oldest", 1000)):
        run = write_fit(Path("runs") / name)
        os.utime(run, (2_000_000_000 - age,) * 2)
    main([])
    assert capsys.readouterr().out == "runs/newer/report.html\n"


def test_folder_of_no_run_is_a_usage_error(tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for arguments in ([str(tmp_path)], []):
        with pytest.raises(SystemExit):
            main(arguments)
        assert "expected a run" in capsys.readouterr().err


def test_page_is_made_without_importing_pytorch():
    code = "import sys, callbacks.reports.page.__main__; sys.exit('torch' in sys.modules or 'lightning' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], cwd=PROJECT, check=False).returncode == 0
