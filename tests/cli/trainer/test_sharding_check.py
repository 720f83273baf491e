"""What cannot go with `--trainer.strategy sharded` is refused in one line, before anything is made."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from cli.trainer.sharding_check import check_sharding
from tests.helpers.runs import command_here

SHARDED = {"trainer.strategy": "sharded"}


@pytest.mark.parametrize(
    "values",
    [
        {"trainer.strategy": "ddp", "trainer.precision": "64-true"},
        SHARDED,
        SHARDED | {"trainer.precision": 32},
        SHARDED
        | {"trainer.precision": "bf16-mixed", "model.average_weights": 0.9, "model.objective": "risk"},
        SHARDED | {"model.optimizer": {"class_path": "torch.optim.SGD", "init_args": {"momentum": 0.9}}},
        SHARDED | {"model.optimizer": {"class_path": "torch.optim.AdamW", "init_args": {"fused": True}}},
        SHARDED | {"trainer.callbacks": [{"class_path": "lightning.pytorch.callbacks.EarlyStopping"}]},
    ],
)
def test_what_goes_with_shards_is_accepted(values: dict[str, Any]) -> None:
    check_sharding(values)


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"trainer.precision": "16-mixed"}, "--trainer.precision 32-true, .* but got 16-mixed"),
        ({"trainer.accelerator": "mps"}, "--trainer.accelerator gpu or cpu .* but got mps"),
        (
            {"trainer.callbacks": [{"class_path": "lightning.pytorch.callbacks.EMAWeightAveraging"}]},
            "EMAWeightAveraging cannot copy weights .* Use --model.average_weights",
        ),
        ({"model.optimizer": {"class_path": "torch.optim.Adafactor"}}, "but got Adafactor. Use AdamW"),
        ({"model.optimizer": {"class_path": "torch.optim.Rprop"}}, "but got Rprop. Use AdamW"),
        (
            {"model.optimizer": {"class_path": "torch.optim.SGD", "init_args": {"fused": True}}},
            "--model.optimizer.fused false .* SGD, but got true",
        ),
    ],
)
def test_what_cannot_go_with_shards_is_refused(values: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message) as caught:
        check_sharding(SHARDED | values)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--trainer.precision", "64-true"], "but got 64-true"),
        (["--model.optimizer", "Adafactor"], "but got Adafactor. Use AdamW"),
        (["--model.optimizer", "torch.optim.SGD", "--model.optimizer.fused", "true"], "fused false"),
        (
            ["--trainer.callbacks+=EMAWeightAveraging", "--trainer.callbacks.decay", "0.9"],
            "cannot copy weights",
        ),
        (["--config", "shards.yaml"], "but got Rprop. Use AdamW"),
    ],
)
def test_a_command_line_is_refused_before_anything_is_made(
    words: list[str], message: str, tmp_path: Path
) -> None:
    (tmp_path / "shards.yaml").write_text("model: {optimizer: {class_path: torch.optim.Rprop}}\n")
    done = command_here(["fit", "--trainer.strategy", "sharded", *words], tmp_path)
    assert done.returncode in (1, 2)
    assert message in done.stderr.strip().splitlines()[-1]
    assert [path.name for path in tmp_path.iterdir()] == ["shards.yaml"]
