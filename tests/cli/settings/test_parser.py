from __future__ import annotations

from pathlib import Path

import pytest

from configs.yaml_text import read_yaml
from tests.helpers.parsing import parse


def test_printed_configuration_reads_back_equal(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = ["fit", "--name=1e-4", "--wandb.group=null", "--wandb.tags=[12:30]", "--data.output_column=#x"]
    with pytest.raises(SystemExit) as ended:
        parse([*words, "--print_config"])
    assert ended.value.code == 0
    printed = capsys.readouterr().out
    assert (read_yaml(printed)["name"], read_yaml(printed)["wandb"]["group"]) == ("1e-4", "null")
    (tmp_path / "printed.yaml").write_text(printed)
    assert parse(["fit", "--config", str(tmp_path / "printed.yaml")]).fit.as_dict() | {"config": None} == (
        parse(words).fit.as_dict() | {"config": None}
    )


def test_numbers_of_files_are_numbers_for_flags_of_numbers(tmp_path: Path) -> None:
    (tmp_path / "mine.yaml").write_text(
        "trainer: {max_epochs: 1_0, gradient_clip_val: 1e-1, devices: 2, precision: 32}\n"
        "model: {optimizer: {class_path: AdamW, init_args: {lr: 1e-5, betas: [9e-1, 0.99]}}}\n"
    )
    config = parse(["fit", "--config", str(tmp_path / "mine.yaml")]).fit
    assert (config.trainer.max_epochs, config.trainer.gradient_clip_val) == (10, 0.1)
    assert (config.trainer.devices, config.trainer.precision) == (2, 32)
    assert config.model.optimizer.init_args.lr == 1e-5
    assert config.model.optimizer.init_args.betas == (0.9, 0.99)


@pytest.mark.parametrize("text", ["a: [", "- a", "0b_"])
def test_file_that_holds_no_settings_is_refused(
    text: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "mine.yaml").write_text(text)
    with pytest.raises((SystemExit, ValueError)):
        parse(["fit", "--data", str(tmp_path / "mine.yaml")])
