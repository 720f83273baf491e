from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from cli.checks.early_check import check_command_line
from cli.exit_status import UsageError
from tests.helpers.runs import PROJECT, own_table, write_pairs


def test_good_command_line_passes_and_makes_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    check_command_line(["fit", *own_table(tmp_path)], tmp_path / "runs")
    check_command_line(["predict", "--data.predict_path", write_pairs(tmp_path)], tmp_path / "runs")
    for args in (
        ["fit", "--print_config"],
        ["--help"],
        ["--config", "x.yaml", "fit"],
        ["fit", "--trainer.callbacks.help", "Timer"],
    ):
        check_command_line(args, tmp_path / "runs")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["mols.csv", "tiny.yaml"]


@pytest.mark.parametrize(
    ("args", "message"),
    [
        ([], "Expected a subcommand: fit, validate, test, predict, show"),
        (["tset"], r"No subcommand is called 'tset' .* Did you mean 'test'\?"),
        (["--data.batch_size", "4", "fit"], "before the flags, but got --data.batch_size"),
        (["fit", "--data.source", "nope.csv"], "No source 'nope.csv'"),
        (["predict", "--data.predict_path", "nope.csv"], "No source 'nope.csv'"),
        (["predict", "--ckpt_path", "last", "--data.predict_path", "nope.csv"], "No source 'nope.csv'"),
        (["fit", "--data.task", "smiles_to_iupc"], "Did you mean 'smiles_to_iupac'"),
    ],
)  # fmt: skip
def test_mistake_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, args: list[str], message: str
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "runs" / "mine").mkdir(parents=True)
    (tmp_path / "runs" / "mine" / "config.yaml").touch()
    with pytest.raises(ValueError, match=message):
        check_command_line(args, tmp_path / "runs")


def test_check_of_flags_and_tables_loads_neither_pytorch_nor_rich(tmp_path: Path) -> None:
    # rich before Lightning would make jsonargparse read `limit_train_batches: 1` as 1.0 (see tests/conftest.py).
    code = (
        "import sys; from pathlib import Path; from cli.checks.early_check import check_command_line\\n"
        f"check_command_line({['fit', *own_table(tmp_path)]!r}, Path('runs'))\\n"
        "print(sorted({'torch', 'lightning', 'transformers', 'rich'} & set(sys.modules)))"
    ).replace("\\n", "\n")
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=PROJECT, capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "[]"


@pytest.mark.parametrize(
    ("words", "got"),
    [(["--completion"], "no shell"), (["--completion", "fish"], "fish"), (["--completion=tcsh"], "tcsh")],
)
def test_completion_of_another_shell_names_those_that_are_known(
    words: list[str], got: str, tmp_path: Path
) -> None:
    with pytest.raises(UsageError, match=f"Expected --completion bash or --completion zsh, but got {got}"):
        check_command_line(words, tmp_path / "runs")
