from __future__ import annotations

from pathlib import Path

import pytest

from cli.checks.settings_check import check_settings
from tests.helpers.parsing import parse
from tests.helpers.runs import own_table


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"data.input_column": "smile"}, "Did you mean 'smiles'?"),
        ({"trainer.max_epochs": 0}, "max_epochs to be at least 1"),
        ({"trainer.devices": 1000}, "--trainer.devices 1000: expected at most"),
        ({"model.optimizer.init_args.eps": -1.0}, "eps to be at least 0"),
        ({"model.optimizer.init_args.betas": [0.9, 7.0]}, "betas to be two numbers"),
    ],
)
def test_parsed_configuration_is_checked_like_the_command_line(
    tmp_path: Path, changes: dict, message: str
) -> None:
    config = parse(["fit", *own_table(tmp_path)])["fit"]
    check_settings("fit", config, tmp_path / "runs")
    for name, value in changes.items():
        config.update(value, name)
    with pytest.raises(ValueError) as caught:  # noqa: PT011
        check_settings("fit", config, tmp_path / "runs")
    assert message in str(caught.value)
