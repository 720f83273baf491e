from __future__ import annotations

import pytest

from cli.checks.flag_words import Word, is_flag, split_words
from cli.exit_status import UsageError


def test_words_are_read_as_argparse_reads_them() -> None:
    args = [
        "--name",
        "mine",
        "--data.task=a=b",
        "--trainer.callbacks+=Timer",
        "--wandb.tags+",
        "x",
        "-c",
        "a.yaml",
        "-cb.yaml",
    ]
    assert split_words(args) == [
        Word("name", "mine"), Word("data.task", "a=b"), Word("trainer.callbacks", "Timer", True), Word("wandb.tags", "x", True),
        Word("c", "a.yaml"), Word("c", "b.yaml"),
    ]  # fmt: skip


def test_values_that_begin_with_a_dash_are_values_if_they_are_numbers_or_hold_blanks() -> None:
    assert [is_flag(arg) for arg in ("-1", "-.5", "-1e-4", "- a", "-", "--x", "-x")] == [False] * 5 + [
        True
    ] * 2


def test_flags_without_a_value_need_none() -> None:
    args = [
        "--print_config",
        "--trainer.callbacks.help",
        "--model.peft.help",
        "--print_config=skip_default",
        "-h",
    ]
    assert [word.value for word in split_words(args)] == [None, None, None, "skip_default", None]
    assert split_words(["--trainer.callbacks.help", "Timer"]) == [Word("trainer.callbacks.help", "Timer")]


@pytest.mark.parametrize(
    ("args", "message"),
    [
        (["--name"], "Expected a value after --name, but got the end of the line"),
        (["--name", "--data.shots", "1"], "Expected a value after --name, but got --data.shots"),
        (["mols.csv"], "Did you mean --data.source mols.csv?"),
        (["run.yaml"], "Did you mean --config run.yaml?"),
        (["last.ckpt"], "Did you mean --ckpt_path last.ckpt?"),
        (["data.shots=1"], "Did you mean --data.shots=1?"),
        (["--name", "my", "run"], "but got 'run'; quote a value that holds blanks"),
        (["-data.shots", "1"], "Did you mean --data.shots?"),
        (["-config", "a.yaml"], "Did you mean --config?"),
    ],
)
def test_words_that_belong_to_no_flag_are_told(args: list[str], message: str) -> None:
    with pytest.raises(UsageError) as caught:
        split_words(args)
    assert message in str(caught.value)
