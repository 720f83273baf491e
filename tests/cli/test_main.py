from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from callbacks.run.checkpoint_io import DiskFull
from cli import main
from cli.exit_status import DISK_FULL
from configs.lookup import PROJECT, load_yaml


def test_main_ends_with_the_line_and_the_status_of_a_full_disk(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    def fail(args: object, model_class: object) -> None:
        raise DiskFull(tmp_path / "last.ckpt", 2, 1)

    monkeypatch.setattr(main, "run", fail)
    with pytest.raises(SystemExit) as ended:
        main.main(["fit"])
    assert ended.value.code == DISK_FULL
    assert capsys.readouterr().err.count("\n") == 1


def test_main_runs_the_words_it_is_given_or_those_of_the_process(monkeypatch: pytest.MonkeyPatch) -> None:
    ran: list[list[str]] = []
    monkeypatch.setattr(main, "run", lambda args, model_class: ran.append(args))
    main.main(("fit", "--name", "mine"))
    monkeypatch.setattr(sys, "argv", ["train.py", "test"])
    main.main()
    assert ran == [["fit", "--name", "mine"], ["test"]]


def test_main_answers_help_without_running_anything(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(main, "run", lambda args, model_class: pytest.fail("ran"))
    main.main(["fit", "--help"])
    assert capsys.readouterr().out.startswith("usage: python train.py fit [flags]")


def test_main_ends_ctrl_c_with_one_line(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def interrupt(args: object, model_class: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(main, "run", interrupt)
    with pytest.raises(SystemExit) as ended:
        main.main(["fit"])
    assert ended.value.code == 130
    assert capsys.readouterr().err == "error: stopped by Ctrl-C.\n"


def test_main_checks_no_flags_of_another_objective(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    ran: list[object] = []
    monkeypatch.setattr(main, "run", lambda args, model_class: ran.append(args))
    main.main(["fit", "--model.own_flag", "1"], model_class=type("Own", (), {}))
    assert ran == [["fit", "--model.own_flag", "1"]]
    with pytest.raises(SystemExit) as ended:
        main.main(["fit", "--model.own_flag", "1"])
    assert ended.value.code == 2
    assert "No flag is called --model.own_flag" in capsys.readouterr().err


def test_main_ends_a_users_mistake_with_its_line_and_a_bug_with_its_traceback(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def read_broken_file(args: object, model_class: object) -> None:
        (tmp_path / "broken.yaml").write_text("a: [")
        load_yaml(tmp_path / "broken.yaml")

    def stumble(args: object, model_class: object) -> None:
        raise KeyError("bug")

    def fail_in_a_library(args: object, model_class: object) -> None:
        int("x")

    monkeypatch.setattr(main, "run", read_broken_file)
    with pytest.raises(SystemExit, match=r"^error: .*broken\.yaml.*expected a YAML file"):
        main.main(["fit"])
    monkeypatch.setattr(main, "run", stumble)
    with pytest.raises(KeyError, match="bug"):
        main.main(["fit"])
    monkeypatch.setattr(main, "run", fail_in_a_library)
    with pytest.raises(ValueError, match="invalid literal"):
        main.main(["fit"])


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no pipes that end their writer")
def test_a_reader_that_goes_ends_a_command_without_a_traceback(tmp_path: Path) -> None:
    command = [sys.executable, str(PROJECT / "train.py"), "env"]
    with subprocess.Popen(
        command, cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.close()
        assert process.stderr.read() == ""
    assert process.returncode == 128 + main.BROKEN_PIPE
