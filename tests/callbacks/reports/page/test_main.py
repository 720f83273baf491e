from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from callbacks.reports.page.__main__ import main
from tests.helpers.closed_folders import close
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


def test_folder_of_no_run_is_one_line(tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for arguments in ([str(tmp_path)], []):
        with pytest.raises(SystemExit):
            main(arguments)
        error = capsys.readouterr().err
        assert "expected a run" in error
        assert error.startswith("error: ")
        assert error.count("\n") == 1


def test_folder_of_somebody_else_is_told_before_it_is_read(tmp_path, capsys, monkeypatch):
    run = write_fit(tmp_path / "mine")
    (run / "report.html").unlink(missing_ok=True)
    close(run, monkeypatch)
    with pytest.raises(SystemExit) as ended:
        main([str(run)])
    assert ended.value.code == 1
    assert "may not be written to: copy the run's folder to one of your own." in capsys.readouterr().err
    assert not (run / "report.html").exists()


def test_page_is_made_without_importing_pytorch():
    code = "import sys, callbacks.reports.page.__main__; sys.exit('torch' in sys.modules or 'lightning' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], cwd=PROJECT, check=False).returncode == 0
