"""What the README says is run: its commands in their order."""

from __future__ import annotations

import contextlib
import csv
import importlib
import io
import re
import shlex
import subprocess
from pathlib import Path

import pytest

from tests.helpers.pages import PAGES, bash_lines
from tests.helpers.runs import PAIRS, PROJECT, command, command_here, write_tiny_base

README = PAGES["README.md"]
LINES = bash_lines(README)
TRAIN = [shlex.split(line)[2:] for line in LINES if line.startswith("python train.py")]
WITHOUT_MAKE = [line for line in LINES if not line.startswith(("python train.py", "make "))]


def test_readme_is_short() -> None:
    assert len(README.splitlines()) <= 150


def test_readme_has_no_command_that_is_not_tested() -> None:
    assert len(TRAIN) >= 4
    assert WITHOUT_MAKE == [
        "python -m venv .venv && .venv/bin/pip install -c constraints.txt .", ".venv/bin/patois fit",
    ]  # fmt: skip


@pytest.mark.parametrize("target", sorted({line.split()[1] for line in LINES if line.startswith("make ")}))
def test_make_targets_of_the_readme_exist(target: str) -> None:
    result = subprocess.run(["make", "-n", target], cwd=PROJECT, capture_output=True, text=True, check=True)
    assert {"fit": "python train.py fit", "test": "python -m pytest"}[target] in result.stdout


def test_console_script_of_the_readme_exists() -> None:
    tomllib = pytest.importorskip("tomllib")  # Python 3.11
    project = tomllib.loads((PROJECT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    module, _, function = project["scripts"]["patois"].partition(":")
    assert callable(getattr(importlib.import_module(module), function))
    assert (PROJECT / "constraints.txt").is_file()


def test_commands_of_the_readme_run_in_their_order(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "my.csv").write_text(
        "smiles,name\n" + "".join(f"{smiles},{name}\n" for smiles, name in PAIRS * 3)
    )
    (tmp_path / "new.csv").write_text("smiles\nCCO\nc1ccccc1\n")
    small = [
        "--model.base", write_tiny_base(tmp_path), "--model.generation.max_new_tokens", "8", "--trainer.max_epochs", "1",
        "--data.val_fraction", "0.2", "--data.test_fraction", "0.2",
    ]  # fmt: skip
    for args in TRAIN:
        run = command if args[0] == "fit" else command_here
        result = run([*args, *(small if args[0] == "fit" else [])], tmp_path)
        assert result.returncode == 0, (args, result.stderr[-2000:])
    assert len((tmp_path / "runs/mine/predict/predictions/new.csv").read_text().splitlines()) == 3
    monkeypatch.chdir(tmp_path)
    snippets = re.findall(r"```python\n(.*?)```", README, flags=re.DOTALL)
    with (tmp_path / "runs/mine/predict/predictions/new.csv").open(encoding="utf-8", newline="") as file:
        predicted = next(csv.DictReader(file))["prediction"]
    for snippet, beginning in zip(snippets, ("ethanol ", predicted), strict=True):
        with contextlib.redirect_stdout(io.StringIO()) as printed:
            exec(snippet, {"__name__": "__main__"})
        assert printed.getvalue().strip().startswith(beginning.strip()), (printed.getvalue(), beginning)
