from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from jsonargparse import Namespace
from lightning.pytorch.strategies import DDPStrategy

import train
from cli.trainer.checks import check_trainer
from cli.trainer.support import read_features

FEATURES = read_features()


def named(class_path: str, **arguments: Any) -> Namespace:
    return Namespace(class_path=f"lightning.pytorch.{class_path}", init_args=Namespace(**arguments))


def check(environment: dict[str, str] | None = None, **trainer: Any) -> None:
    check_trainer(Namespace(**trainer), environment or {}, FEATURES)


@pytest.mark.parametrize(
    "strategy",
    [
        "auto",
        "ddp",
        "ddp_find_unused_parameters_true",
        "sharded",
        "single_device",
        named("strategies.DDPStrategy"),
        DDPStrategy(),
    ],
)
def test_strategies_that_work_are_accepted(strategy: Any) -> None:
    check(strategy=strategy)


@pytest.mark.parametrize(
    "strategy", ["fsdp", "fsdp_cpu_offload", "deepspeed_stage_2", named("strategies.ModelParallelStrategy")]
)
def test_strategies_that_shard_weights_in_another_way_are_refused(strategy: Any) -> None:
    with pytest.raises(ValueError, match=r"is refused: .*FSDP2 here\. Use --trainer.strategy sharded"):
        check(strategy=strategy)


@pytest.mark.parametrize(
    "strategy",
    ["ddp_spawn", "ddp_notebook", "ddp_fork", named("strategies.DDPStrategy", start_method="spawn")],
)
def test_strategies_that_start_ranks_out_of_this_process_are_refused(strategy: Any) -> None:
    with pytest.raises(ValueError, match=r"is refused: .*Use --trainer.strategy ddp"):
        check(strategy=strategy)


@pytest.mark.parametrize(
    ("strategy", "advice"),
    [
        ("dpp", "Did you mean 'ddp'?"),
        ("shard", "Did you mean 'sharded'?"),
        ("DDPStrategy", "Name a class as --trainer.strategy.class_path DDPStrategy"),
        (
            "lightning.pytorch.strategies.DDPStrategy",
            "Name a class as --trainer.strategy.class_path DDPStrategy",
        ),
    ],
)
def test_unknown_strategy_is_told_with_the_known_ones(strategy: str, advice: str) -> None:
    with pytest.raises(ValueError, match="expected one of auto, ddp, ") as caught:
        check(strategy=strategy)
    assert advice in str(caught.value)


def test_sharding_strategy_is_refused_before_anything_is_made(
    tmp_path: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(SystemExit, match=r"--trainer.strategy fsdp is refused"):
        train.main(["fit", "--trainer.strategy", "fsdp"])
    assert not list(tmp_path.iterdir())


def test_classes_of_the_users_own_are_not_refused_by_name() -> None:
    check(callbacks=[Namespace(class_path="mine.ModelPruning", init_args=Namespace())])


def test_callback_that_only_logs_needs_a_logger() -> None:
    callbacks = [named("callbacks.DeviceStatsMonitor")]
    check(callbacks=callbacks, logger=True)
    with pytest.raises(ValueError, match=r"DeviceStatsMonitor needs a logger, but --trainer.logger is false"):
        check(callbacks=callbacks, logger=False)


def test_several_nodes_need_to_know_which_one_this_is() -> None:
    check(num_nodes=1)
    check({"NODE_RANK": "0"}, num_nodes=2)
    with pytest.raises(ValueError, match=r"--trainer.num_nodes 2: expected .*MASTER_ADDR.*docs/scaling.md"):
        check(num_nodes=2)


@pytest.mark.parametrize(
    ("args", "message"),
    [
        (["--trainer.accelerator", "mps"], "expected a GPU that PyTorch can use"),
        (["--trainer.devices", "0"], "devices"),
        (["--trainer.gradient_clip_algorithm", "maximum"], "Allowed algorithms"),
        (["--trainer.limit_train_batches", "-1"], "limit_train_batches"),
        (["--trainer.max_steps", "-5"], "max_steps"),
        (["--trainer.max_time", "soon"], "DD:HH:MM:SS"),
        (["--trainer.profiler", "fast"], "'simple', 'advanced'"),
        (
            ["--trainer.callbacks+=RichProgressBar", "--trainer.enable_progress_bar", "false"],
            "RichProgressBar",
        ),
        (["--trainer.plugins", "HalfPrecision", "--trainer.precision", "64-true"], "Choose one"),
        (["--trainer.plugins", "LSFEnvironment"], "LSB_DJOB_RANKFILE"),
        (["--model.peft.rank", "0"], "error: Expected --model.peft.rank to be a whole number of at least 1"),
        (["--model.optimizer", "LBFGS"], "--model.optimizer: LBFGS .*Use --model.optimizer AdamW"),
        (["--model.optimizer", "SparseAdam"], "sparse gradients only. Use --model.optimizer AdamW"),
        (["--model.optimizer.lr", "-1"], "Expected --model.optimizer.lr to be above 0, but got -1"),
        (["--trainer.callbacks+=EarlyStopping", "--trainer.callbacks.monitor=val/los"], "mean val/loss"),
    ],
)
def test_what_lightning_refuses_is_one_line_and_leaves_nothing(
    run_in: Callable[..., Path], tmp_path: Path, args: list[str], message: str
) -> None:
    with pytest.raises(SystemExit, match=message) as stopped:
        run_in("fit", *args)
    assert str(stopped.value).startswith("error: ")
    assert "\n" not in str(stopped.value)
    assert not (tmp_path / "runs").exists()
