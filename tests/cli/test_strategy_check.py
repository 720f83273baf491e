from __future__ import annotations

from typing import Any

import pytest
from jsonargparse import Namespace
from lightning.pytorch.strategies import DDPStrategy

import train
from cli.strategy_check import refuse_sharding

DDP = Namespace(class_path="lightning.pytorch.strategies.DDPStrategy", init_args=Namespace())
SHARDED = Namespace(class_path="lightning.pytorch.strategies.ModelParallelStrategy", init_args=Namespace())


@pytest.mark.parametrize("strategy", ["auto", "ddp", "ddp_spawn", "single_device", DDP, DDPStrategy()])
def test_strategies_with_whole_weights_are_accepted(strategy: Any) -> None:
    refuse_sharding(strategy)


@pytest.mark.parametrize("strategy", ["fsdp", "fsdp_cpu_offload", "deepspeed_stage_2", SHARDED])
def test_strategies_that_shard_weights_are_refused(strategy: Any) -> None:
    with pytest.raises(ValueError, match=r"expected auto or ddp .* but got '.*Use --trainer.strategy ddp"):
        refuse_sharding(strategy)


def test_sharding_strategy_is_refused_before_anything_is_made(
    tmp_path: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(SystemExit, match=r"--trainer.strategy: expected auto or ddp .* but got 'fsdp'"):
        train.main(["fit", "--trainer.strategy", "fsdp"])
    assert not list(tmp_path.iterdir())
