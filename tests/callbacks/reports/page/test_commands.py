from __future__ import annotations

import shlex

from callbacks.reports.page.commands import list_commands
from callbacks.reports.page.run_files import read_run
from tests.helpers.kind_runs import write_kinds
from tests.helpers.run_folders import write_fit, write_test


def test_next_commands_fit_what_is_there(tmp_path):
    files = read_run(write_test(write_fit(tmp_path / "runs" / "mine")))
    words = dict(list_commands(files, "patois"))
    assert "Test it on the held-out rows" not in words
    assert words["Answer a table of questions"] == (
        "patois predict --ckpt_path runs/mine/checkpoints/best.ckpt --data.predict_path new.csv"
    )
    assert 'patois.load("runs/mine")' in words["Ask it in Python"]
    untested = write_fit(tmp_path / "my runs" / "new")
    (untested / "checkpoints" / "last.ckpt").touch()
    words = dict(list_commands(read_run(untested), "python train.py"))
    assert (
        words["Test it on the held-out rows"]
        == "python train.py test --ckpt_path 'my runs/new/checkpoints/best.ckpt'"
    )
    assert words["Train it longer"].endswith("last.ckpt' --trainer.max_epochs 4")
    started = write_fit(tmp_path / "runs" / "started", epochs=0)
    (started / "checkpoints" / "last.ckpt").touch()
    words = dict(list_commands(read_run(started), "python train.py"))
    assert words["Go on with the fit"] == "python train.py fit --ckpt_path runs/started/checkpoints/last.ckpt"
    assert "Answer a table of questions" not in words


def test_command_of_a_run_with_several_tasks_names_one(tmp_path):
    run = write_kinds(tmp_path / "my runs" / "kinds")
    (run / "checkpoints").mkdir()
    (run / "checkpoints" / "best.ckpt").touch()
    words = shlex.split(dict(list_commands(read_run(run), "patois"))["Answer a table of questions"])
    assert words[3:] == [
        "my runs/kinds/checkpoints/best.ckpt",
        "--data.predict_path",
        "new.csv",
        "--data.task",
        "toxic",
    ]
    (run / "config.yaml").write_text("data: {output_column: 'IUPAC Name,logp'}\n")
    words = shlex.split(dict(list_commands(read_run(run), "patois"))["Answer a table of questions"])
    assert words[-2:] == ["--data.output_column", "IUPAC Name"]
