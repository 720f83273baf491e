from __future__ import annotations

import re
from pathlib import Path

import pytest

from cli.checks.config_check import check_keys, flatten, read_config
from cli.checks.flag_list import read_flags
from cli.exit_status import UsageError
from configs.lookup import CONFIGS, load_yaml

LISTED = read_flags()
FLAGS = LISTED.flags["fit"]


def check(text: str) -> None:
    check_keys("my.yaml", dict(flatten(read_config(text)[1], FLAGS)), "fit", LISTED)


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("missing.yaml", None, "there is no file"),
        ("bad.yaml", b"a: [1, 2\nb: }", r"bad\.yaml: expected a YAML file, but it cannot be read \(line 2, column 2\)"),
        ("list.yaml", b"- a\n- b\n", r"expected settings .* but got a list"),
        ("text.yaml", b"hello", "but got a text"),
        ("binary.yaml", bytes(range(128, 256)), "expected a YAML file in UTF-8"),
    ],
)  # fmt: skip
def test_file_that_holds_no_settings_is_told(
    tmp_path: Path, name: str, content: bytes | None, message: str
) -> None:
    if content is not None:
        (tmp_path / name).write_bytes(content)
    with pytest.raises(UsageError, match=message) as caught:
        read_config(str(tmp_path / name))
    assert "\n" not in str(caught.value)


def test_folder_in_place_of_a_file_is_told_with_what_it_holds(tmp_path: Path) -> None:
    (tmp_path / "mine.yaml").touch()
    with pytest.raises(UsageError, match=r"is a folder\. It holds mine\.yaml\."):
        read_config(str(tmp_path))


def test_missing_file_gets_the_nearest_name(tmp_path: Path) -> None:
    (tmp_path / "small.yaml").touch()
    with pytest.raises(UsageError, match=r"Did you mean 'small\.yaml'\?"):
        read_config(str(tmp_path / "smal.yaml"))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{data: {batchsize: 4}}", "my.yaml: unknown key 'data.batchsize'. Did you mean data.batch_size?"),
        ("{modle: {base: gpt2}}", "my.yaml: unknown key 'modle' (known: checkpoint, data, model, trainer, wandb, name, ...)."
         " Did you mean 'model'?"),
        ("{nmae: x}", "Did you mean 'name'?"),
        ("{model: {peft: {ranks: 8}}}", "model.peft: LoraSettings has no argument 'ranks'"),
        ("{model: {optimizer: {class_path: torch.optim.SGD, init_args: {learning_rate: 1}}}}", "SGD has no argument"),
        ("{trainer: {callbacks: [{class_path: EarlyStopping, init_args: {moniter: x}}]}}", "Did you mean 'monitor'?"),
        ("{data: {batch_size: four}}", "Expected data.batch_size in my.yaml to be a whole number, but got 'four'"),
        ("{data: {packing: 2}}", "Expected data.packing in my.yaml to be true or false, but got '2'"),
        ("{data: {batch_size: }}", "Expected data.batch_size in my.yaml to have a value, but it is empty"),
    ],
)  # fmt: skip
def test_wrong_key_or_value_is_told_with_the_file(text: str, message: str) -> None:
    with pytest.raises(UsageError, match=re.escape(message)):
        check(text)


@pytest.mark.parametrize(
    "text",
    [
        "{}",
        "{ckpt_path: null, name: x, seed_everything: true, data: {task: {a: 1}, batch_size: 4, val_fraction: 1e-1}}",
        "{model: {optimizer: {lr: 1e-3}, peft: {rank: 4}, scheduler: null}}",
        "{model: {optimizer: AdamW}, trainer: {callbacks: [EarlyStopping, {class_path: my.Own, init_args: {x: 1}}]}}",
        "{trainer: {devices: [0, 1], precision: 16, logger: false}, wandb: {tags: [a]}}",
        "{return_predictions: true, verbose: false}",
    ],
)
def test_settings_that_the_parser_takes_are_not_refused(text: str) -> None:
    check(text)


def test_shipped_configurations_are_not_refused() -> None:
    paths = [
        *(path for path in CONFIGS.glob("*.yaml") if path.name != "lightning.yaml"),
        *(CONFIGS / "debug").glob("*.yaml"),
        *(CONFIGS / "trainer").glob("*.yaml"),
    ]
    assert len(paths) > 4
    for path in paths:
        check_keys(path.name, dict(flatten(load_yaml(path), FLAGS)), "fit", LISTED)


def test_group_can_be_a_file_of_its_own(tmp_path: Path) -> None:
    (tmp_path / "model.yaml").write_text("base: gpt2\ngeneration: {max_new_tokens: 8}\n")
    found = dict(flatten({"model": "model.yaml", "name": "x"}, FLAGS, tmp_path))
    assert found == {"model.base": "gpt2", "model.generation.max_new_tokens": 8, "name": "x"}
    assert dict(flatten({"model": "nowhere.yaml"}, FLAGS, tmp_path)) == {"model": "nowhere.yaml"}


@pytest.mark.parametrize("text", ["true", "yes", "0x10", "1_000", "12:30", "2020-01-01", ".inf", "1e-4", "5"])
def test_text_of_a_file_is_taken_as_it_is_written(tmp_path: Path, text: str) -> None:
    (tmp_path / "a.yaml").write_text(
        f"data: {{output_column: {text}, batch_size: 5}}\nmodel: {{compile: true}}\n"
    )
    found = dict(flatten(read_config(str(tmp_path / "a.yaml"))[1], FLAGS))
    assert found == {"data.output_column": text, "data.batch_size": 5, "model.compile": True}


@pytest.mark.parametrize(
    "content", ["{data: [1]}", "{trainer: 5}", "{model: {generation: nope}}", "{wandb: true}"]
)
def test_a_group_that_is_no_mapping_is_refused(content: str) -> None:
    with pytest.raises(
        UsageError, match=r"to be a mapping of settings .* or the path of a YAML file, but got"
    ):
        check_keys("a.yaml", dict(flatten(read_config(content)[1], FLAGS)), "fit", LISTED)


def test_keys_with_dots_are_told_to_nest() -> None:
    with pytest.raises(
        UsageError, match=r"the key .model\.optimizer\.lr. has dots: write `model:` and the rest below it"
    ):
        read_config("{model.optimizer.lr: 1}")
