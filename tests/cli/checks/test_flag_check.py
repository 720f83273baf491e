from __future__ import annotations

import dataclasses
import re
import shlex

import pytest

from cli.checks.flag_check import check_words, find_class, find_nearest
from cli.checks.flag_list import read_flags
from cli.checks.flag_words import split_words
from cli.exit_status import UsageError
from tests.helpers.pages import PAGES, bash_lines

LISTED = read_flags()


def check(line: str, listed=LISTED, **configured: object) -> None:
    command, *args = shlex.split(line)
    check_words(command, split_words(args), listed, configured)


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("fit --data.batchsize 4", "No flag is called --data.batchsize. Did you mean --data.batch_size?"),
        ("fit --batch-size 4", "Did you mean --data.batch_size?"),
        ("fit --lr 1e-4", "Did you mean --model.optimizer.lr?"),
        ("fit --learning_rate 1e-4", "Did you mean --model.optimizer.lr?"),
        ("fit --epochs 3", "Did you mean --trainer.max_epochs?"),
        ("fit --rank 8", "Did you mean --model.peft.rank?"),
        ("fit --trainer.max_epoch 3", "Did you mean --trainer.max_epochs?"),
        ("fit --modle.base gpt2", "Did you mean --model.base?"),
        ("fit --model.peft.ranks 8", "LoraSettings has no argument 'ranks'. Did you mean --model.peft.rank?"),
        ("fit --model.optimizer.init_args.lrr 1", "Did you mean --model.optimizer.lr?"),
        ("fit --model.optimizer SGD --model.optimizer.betas [0,1]", "SGD has no argument 'betas'"),
        ("fit --trainer.callbacks+=EarlyStopping --trainer.callbacks.moniter x", "Did you mean --trainer.callbacks.monitor?"),
        ("fit --trainer.callbacks+=EarlyStoping", "Did you mean 'EarlyStopping'?"),
        ("fit --model.optimizer adamw", "Did you mean 'AdamW'?"),
        ("fit --model.peft LoRA", "such as --model.peft.method, or null, but got 'LoRA'"),
        ("fit --data.loss_on complete", "Expected --data.loss_on to be completion, answers or all, but got 'complete'"),
        ("fit --data.batch_size four", "Expected --data.batch_size to be a whole number, but got 'four'"),
        ("fit --data.batch_size 4.5", "a whole number, but got '4.5'"),
        ("fit --data.val_fraction half", "Expected --data.val_fraction to be a number, but got 'half'"),
        ("fit --data.packing maybe", "Expected --data.packing to be true or false, but got 'maybe'"),
        ("fit --data.header perhaps", "Expected --data.header to be true or false or auto, but got 'perhaps'"),
        ("fit --data.batch_size null", "a whole number, but got 'null'"),
        ("test --rows 3", "No flag is called --rows."),
    ],
)  # fmt: skip
def test_mistake_is_told_with_the_nearest_flag(line: str, message: str) -> None:
    with pytest.raises(UsageError, match=re.escape(message)):
        check(line)


@pytest.mark.parametrize(
    "line",
    [
        "fit --trainer.callbacks+=EarlyStopping --trainer.callbacks.monitor=val/loss --trainer.callbacks.init_args.mode min",
        "fit --trainer.callbacks+=my_metrics.RightFromStart --trainer.callbacks.anything 1",
        "fit --trainer.callbacks.anything_of_a_class_in_a_file 1 --trainer.callbacks+=x.yaml",
        "fit --trainer.callbacks+='{class_path: my.Own}' --trainer.callbacks.depth 1",
        "fit --model.optimizer.class_path torch.optim.SGD --model.optimizer.init_args.momentum 0.9",
        "fit --model.optimizer torch.optim.SGD --model.optimizer.momentum 0.9 --model.optimizer.lr 1e-3",
        "fit --model.optimizer SGD --model.optimizer.momentum 0.9",
        "fit --model.scheduler StepLR --model.scheduler.step_size 3",
        "fit --trainer.strategy DDPStrategy --trainer.strategy.find_unused_parameters true",
        "fit --trainer.logger+=CSVLogger --trainer.logger.save_dir x --trainer.logger.name y",
        "fit --model.peft.rank 8 --model.peft.targets [q_proj] --model.peft null",
        "fit --data.task.smiles_to_iupac 2",
        "fit --data.batch_size 1_000 --data.val_fraction .1 --data.test_fraction 1e-1 --data.packing yes --data.header True",
        "fit --data.train_rows null --model.init null --trainer.precision 16 --trainer.deterministic warn",
        "fit --data '{batch_size: 4}' --wandb.tags [a,b] --wandb.tags+ c --seed_everything true",
        "fit --print_config --config a.yaml -c b.yaml -cc.yaml",
        "fit --data.source -5 --name 007 --trainer.max_epochs=-1",
        "show --rows 3",
        "fit --trainer.callbacks.help EarlyStopping",
    ],
)
def test_line_that_the_parser_takes_is_not_refused(line: str) -> None:
    check(line)


def test_classes_of_configuration_files_have_their_own_flags() -> None:
    check("fit --model.optimizer.momentum 0.9", **{"model.optimizer": {"class_path": "torch.optim.SGD"}})
    with pytest.raises(UsageError, match="SGD has no argument 'betas'"):
        check("fit --model.optimizer.betas [0,1]", **{"model.optimizer": {"class_path": "torch.optim.SGD"}})


def test_flags_of_other_versions_of_packages_are_the_parsers_matter() -> None:
    other = dataclasses.replace(LISTED, versions={"lightning": "99"})
    check(
        "fit --trainer.brand_new 1 --trainer.callbacks+=EarlyStopping --trainer.callbacks.brand_new 1", other
    )
    for line in ("fit --data.batchsize 4", "fit --model.peft.ranks 8"):  # our own are the same
        with pytest.raises(UsageError, match="Did you mean"):
            check(line, other)


def test_commands_of_the_pages_are_not_refused() -> None:
    lines = [line for text in PAGES.values() for line in bash_lines(text.replace("\\\n", " "))]
    words = [
        shlex.split(re.split(r" > |#", line)[0])
        for line in lines
        if re.search(r"(train\.py|patois) \w", line)
    ]
    commands = [
        line[place + 1 :]
        for line in words
        for place, word in enumerate(line)
        if word in ("train.py", "patois")
    ]
    commands = [line for line in commands if line and line[0] in LISTED.flags]
    assert len(commands) > 15
    for command, *args in commands:
        check_words(command, split_words([arg for arg in args if arg != "..."]), LISTED, {})


def test_class_is_found_by_its_name_its_path_or_a_specification() -> None:
    classes = ["torch.optim.Adam", "torch.optim.AdamW"]
    for value in (
        "AdamW",
        "torch.optim.AdamW",
        '{"class_path": "AdamW"}',
        {"class_path": "torch.optim.adamw.AdamW"},
    ):
        assert find_class(value, classes) == "torch.optim.AdamW"
    assert find_class("Adan", classes) is None


def test_nothing_near_gets_no_suggestion() -> None:
    assert find_nearest("zzzzzz", LISTED.flags["fit"], LISTED) is None
