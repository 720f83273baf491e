from __future__ import annotations

import json
import os
import re
from pathlib import Path

import pytest

from cli.commands.runs import main, read_run, tabulate
from cli.run.claim import FILE, describe_self

METRICS = """epoch,val/exact_match,val/t/exact_match,val/t/exact_match_low,val/t/exact_match_high
,,,,
0,0.25,0.25,0.1,0.4
1,0.5,0.5,0.3,0.7
2,0.4,0.4,0.2,0.6
"""


def write(
    folder: Path, age: int = 0, metrics: str = METRICS, done: bool = True, data: str = "task: t"
) -> Path:
    folder.mkdir(parents=True)
    (folder / "config.yaml").write_text(f"model: {{base: bundled}}\ndata: {{format: arrow, {data}}}\n")
    (folder / "data.json").write_text('{"rows": {"train": 1200}}')
    if metrics:
        (folder / "metrics.csv").write_text(metrics)
    (folder / "summary.json").write_text('{"fit": {}}' if done else "{}")
    for path in folder.iterdir():
        os.utime(path, (1_000_000 - age * 86_400,) * 2)
    return folder


def test_a_run_is_described_by_its_folder(tmp_path: Path) -> None:
    run = read_run(write(tmp_path / "a"))
    assert (run.name, run.task, run.format, run.base) == ("a", "t", "arrow", "bundled")
    assert (run.rows, run.epochs, run.state) == (1200, 3, "done")
    assert (run.exact_match, run.low, run.high) == (0.5, 0.3, 0.7)
    assert "50.0 % (30.0 to 70.0)" in tabulate([run])[2]


def test_a_run_of_columns_or_without_an_epoch_is_described(tmp_path: Path) -> None:
    run = read_run(
        write(tmp_path / "a", metrics="", done=False, data="input_column: smiles, output_column: name")
    )
    assert (run.task, run.epochs, run.exact_match, run.state) == ("smiles -> name", 0, None, "stopped")
    two = METRICS.replace("val/t/exact_match_low,val/t/exact_match_high", "val/u/exact_match,x")
    run = read_run(write(tmp_path / "b", metrics=two))
    assert (run.exact_match, run.low, run.high) == (0.5, None, None)  # a mean has no interval


def test_a_run_whose_process_lives_is_running(tmp_path: Path) -> None:
    folder = write(tmp_path / "a", done=False)
    holder = describe_self(["train.py", "fit"])
    (folder / FILE).write_text(json.dumps(holder))
    assert read_run(folder).state == "running"
    (folder / FILE).write_text(json.dumps({**holder, "started": "long ago"}))
    assert read_run(folder).state == "stopped"
    (folder / FILE).write_text(json.dumps({**holder, "host": "elsewhere"}))
    assert read_run(folder).state == "running"
    os.utime(folder / FILE, (1_000_000, 1_000_000))
    assert read_run(folder).state == "stopped"


def test_runs_are_listed_in_order_and_as_json(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write(tmp_path / "new", age=0, metrics="")
    write(tmp_path / "old", age=2)
    (tmp_path / "no run").mkdir()
    main([str(tmp_path)])
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in lines if line[0] != " "] == ["name", "old", "new"]
    main([str(tmp_path), "--json", "--sort", "exact"])
    found = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [(one["name"], one["exact_match"]) for one in found] == [("new", None), ("old", 0.5)]


def test_runs_of_other_kinds_go_by_their_headline(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    of_classes = METRICS.replace("exact_match", "auroc")
    of_numbers = METRICS.replace("exact_match", "mae_all")
    write(tmp_path / "classes", metrics=of_classes)
    write(tmp_path / "errors", metrics=of_numbers, age=1)
    write(tmp_path / "less", metrics=of_numbers.replace("0,0.25,0.25", "0,0.75,0.75"))
    mixed = "epoch,val/loss,val/t/auroc,val/u/mae_all\n0,0.7,0.9,0.1\n1,0.6,0.9,0.1\n"
    write(tmp_path / "mixed", metrics=mixed)
    write(tmp_path / "text")
    run = read_run(tmp_path / "errors")
    assert (run.headline, run.best, run.low, run.high, run.exact_match) == ("mae_all", 0.25, 0.1, 0.4, None)
    main([str(tmp_path), "--sort", "headline"])
    lines = [line for line in capsys.readouterr().out.splitlines() if line[0] != " "]
    assert "best headline (95 %)" in lines[0]
    assert [line.split()[0] for line in lines[1:]] == ["classes", "text", "mixed", "less", "errors"]
    assert "AUROC 0.500 (0.300 to 0.700)" in lines[1]
    assert "exact match 50.0 % (30.0 to 70.0)" in lines[2]
    assert "loss 0.60" in lines[3]
    assert "MAE 0.25 (0.10 to 0.40)" in lines[5]
    main([str(tmp_path), "--json"])
    assert {"headline": "auroc", "best": 0.5}.items() <= json.loads(
        capsys.readouterr().out.splitlines()[1]
    ).items()


def test_the_table_fits_80_columns_and_cuts_no_name(tmp_path: Path) -> None:
    of_numbers = METRICS.replace("exact_match", "mae_all")
    names = [
        "a",
        "a-run-of-a-length-that-fits-well",
        "a-run-whose-name-is-too-long-for-its-line-of-this-table",
    ]
    for name in names:
        folder = write(tmp_path / name, metrics=of_numbers, data=f"task: {'a-long-task-' * 20}")
        summary = {"fit": {"tasks": {"t": {}}, "units": {"t": "log mol/l"}}}
        (folder / "summary.json").write_text(json.dumps(summary))
    lines = tabulate([read_run(tmp_path / name) for name in names])
    assert max(map(len, lines)) <= 80
    assert sum("MAE 0.25 log mol/l (0.10 to 0.40)" in line for line in lines) == 3
    assert all(any(line.split()[0] == name for line in lines) for name in names)
    assert re.match(r"  \d{4}-\d\d-\d\d \d\d:\d\d,", lines[3])


def test_the_line_below_a_run_says_what_it_was(tmp_path: Path) -> None:
    lines = tabulate([read_run(write(tmp_path / "a"))])
    assert len(lines) == 4
    assert lines[3].endswith(", t, arrow, bundled, 1,200 rows, 3 epochs")


def test_a_folder_without_runs_and_no_folder_are_told(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    main([str(tmp_path)])
    assert capsys.readouterr().out == f"{tmp_path} holds no runs.\n"
    with pytest.raises(ValueError, match="Expected a folder of runs, but 'nope' is none"):
        main(["nope"])
