"""What the README says is run: its commands in their order, and its links."""

from __future__ import annotations

import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from tests.parsing import parse
from tests.runs import PAIRS, PROJECT, command, write_tiny_base

README = (PROJECT / "README.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"```bash\n(.*?)```", README, flags=re.DOTALL)
LINES = [line.split("  #")[0].strip() for block in BLOCKS for line in block.splitlines() if line.strip()]
TRAIN = [shlex.split(line)[2:] for line in LINES if line.startswith("python train.py")]


def test_every_command_is_one_that_is_tested_here() -> None:
    assert len(TRAIN) >= 4
    assert all(line.startswith(("python train.py", "make ")) for line in LINES)


@pytest.mark.parametrize("target", sorted({line.split()[1] for line in LINES if line.startswith("make ")}))
def test_make_targets_exist(target: str) -> None:
    result = subprocess.run(["make", "-n", target], cwd=PROJECT, capture_output=True, text=True, check=True)
    assert {"fit": "python train.py fit", "test": "python -m pytest"}[target] in result.stdout


def test_its_commands_run_in_their_order(tmp_path: Path) -> None:
    (tmp_path / "my.csv").write_text(
        "smiles,name\n" + "".join(f"{smiles},{name}\n" for smiles, name in PAIRS * 3)
    )
    (tmp_path / "new.csv").write_text("smiles\nCCO\nc1ccccc1\n")
    small = [
        "--model.base", write_tiny_base(tmp_path), "--model.generation.max_new_tokens", "8", "--trainer.max_epochs", "1",
        "--data.val_fraction", "0.2", "--data.test_fraction", "0.2",
    ]  # fmt: skip
    for args in TRAIN:
        own = (
            small
            if args[0] == "fit"
            else ["--data.train_rows", "20", "--data.val_rows", "5"]
            if args[0] == "show"
            else []
        )
        result = command([*args, *own], tmp_path)
        assert result.returncode == 0, (args, result.stderr[-2000:])
    assert len((tmp_path / "runs/mine/predict/predictions/new.csv").read_text().splitlines()) == 3
    [snippet] = re.findall(r"```python\n(.*?)```", README, flags=re.DOTALL)
    result = subprocess.run(
        [sys.executable, "-c", snippet], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert result.returncode == 0, result.stderr[-2000:]
    assert result.stdout.startswith("CCO ->")


def test_flags_of_the_table_are_understood() -> None:
    flags = [
        cell for cell in re.findall(r"^\| (.*?) \|", README, flags=re.MULTILINE) if cell.startswith("`--")
    ]
    assert len(flags) > 10
    words = [
        word
        for cell in flags
        for flag in re.findall(r"`(--\S+[ =][^`]+)`", cell)
        for word in shlex.split(flag)
    ]
    configs = [word for place, word in enumerate(words) if "--config" in words[max(place - 1, 0) : place + 1]]
    others = [
        word for place, word in enumerate(words) if "--config" not in words[max(place - 1, 0) : place + 1]
    ]
    # Files first: what comes later wins, and the optimizer's class must stand before its settings.
    parse(["fit", *(word.replace("configs/", f"{PROJECT}/configs/") for word in configs), *others])


def test_its_links_lead_somewhere() -> None:
    for target in re.findall(r"\]\((?!https?:)([^)#]+)\)", README):
        assert (PROJECT / target).exists(), target
    for path in re.findall(
        r"`((?:configs|datamodules|callbacks|docs|lightning_modules)/[\w./-]+\.\w+)`", README
    ):
        assert (PROJECT / path).exists(), path


def test_nothing_is_left_to_fill_in() -> None:
    assert not re.search(r"@[A-Z_]+@|TODO|XXX", README)
