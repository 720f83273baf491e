"""Refuse values that cannot work, from the settings alone: ranges, names, files. Loads no PyTorch."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping
from dataclasses import fields
from pathlib import Path
from typing import Any

from cli.checks.checkpoint_path import check_checkpoint, check_keyword
from cli.checks.run_name import check_folder, check_name
from cli.trainer.sharding_check import check_sharding
from cli.trainer.support import refuse_strategy
from configs.lookup import find_config, suggest
from datamodules.limits import (
    LEAST,
    check_fractions,
    parse_shard,
    parse_shots,
    refuse_below,
    refuse_no_questions,
)
from datamodules.notations.lookup import check_notation
from datamodules.sources.tables.options import TableOptions
from lightning_modules.decoder.bases import resolve_base
from lightning_modules.decoder.lora_settings import LoraSettings
from lightning_modules.generation.settings import GenerationSettings
from lightning_modules.training.lr_schedule import WarmupCosine
from lightning_modules.training.risk_settings import RiskSettings, check_objective

LARGEST_SEED = 2**32 - 1
ACCELERATORS = ("auto", "cpu", "gpu", "cuda", "mps", "tpu", "xla", "hpu")
_DEVICES = re.compile(r"auto|-?\d+(\s*,\s*\d+)*\s*,?|")
_TIME = re.compile(r"\d+:\d{1,2}:\d{1,2}:\d{1,2}")

Range = tuple[Callable[[Any], bool], str]


def _at_least(least: int) -> Range:
    return lambda value: value >= least, f"at least {least}"


_ENDLESS: Range = (lambda value: value >= 1 or value == -1, "at least 1, or -1 for no limit")
_SHARE: Range = (lambda value: 0 <= value < 1, "in [0, 1)")
_POSITIVE: Range = (lambda value: 0 < value < math.inf, "above 0")
_DECAY: Range = (lambda value: 0 < value < 1, "above 0 and below 1, such as 0.999")
_NOT_NEGATIVE: Range = (lambda value: 0 <= value < math.inf, "at least 0")
_PART: Range = (
    lambda value: 0 <= value <= 1 if isinstance(value, float) else value >= 0,
    "a share in [0.0, 1.0] or a whole number of batches",
)
RANGES: dict[str, Range] = {
    "seed_everything": (lambda value: 0 <= value <= LARGEST_SEED, f"from 0 to {LARGEST_SEED}"),
    "trainer.max_epochs": _ENDLESS,
    "trainer.max_steps": _ENDLESS,
    "trainer.min_epochs": _at_least(0),
    "trainer.min_steps": _at_least(0),
    "trainer.devices": (lambda value: value >= 1 or value == -1, "at least 1, -1 for all, or auto"),
    "trainer.num_nodes": _at_least(1),
    "trainer.accumulate_grad_batches": _at_least(1),
    "trainer.check_val_every_n_epoch": _at_least(1),
    "trainer.log_every_n_steps": _at_least(0),
    "trainer.num_sanity_val_steps": _at_least(-1),
    "trainer.reload_dataloaders_every_n_epochs": _at_least(0),
    "trainer.fast_dev_run": _at_least(0),
    "trainer.gradient_clip_val": _NOT_NEGATIVE,
    "trainer.limit_train_batches": _PART,
    "trainer.limit_val_batches": _PART,
    "trainer.limit_test_batches": _PART,
    "trainer.limit_predict_batches": _PART,
    "trainer.overfit_batches": _PART,
    "checkpoint.minutes": _NOT_NEGATIVE,
    "model.average_weights": _DECAY,
}
OPTIMIZER_RANGES: dict[str, Range] = {
    "lr": _POSITIVE,
    "weight_decay": _NOT_NEGATIVE,
    "eps": _NOT_NEGATIVE,
    "momentum": _NOT_NEGATIVE,
}
"""Ranges of arguments that mean the same in all optimizers; `optimizer_check` lets the class itself check the others."""


def check_values(command: str, values: Mapping[str, Any], runs: Path, *, complete: bool = True) -> None:
    """Raise ValueError for the first setting that cannot work.

    Args:
        command: The subcommand.
        values: The settings by flag; those that are missing are not checked.
        runs: The folder of all runs.
        complete: Whether no setting is missing but those that have their defaults; else only single values are checked.
    """
    _check_ranges(values, RANGES)
    _check_data(values)
    if complete and command == "predict":
        refuse_no_questions(values.get("data.predict_path"))
    if isinstance(output := values.get("output"), str) and command == "predict":
        from datamodules.sources.output.names import check_output  # loads rdkit and pyarrow

        check_output(output, str(values.get("data.predict_path") or ""))
    if complete:
        _check_fractions(data_flags(values))
        GenerationSettings(**_only_known(GenerationSettings, below(values, "model.generation")))
        _check_objective(values)
    if "model.optimizer" in values and values["model.optimizer"] is None:
        raise ValueError("Expected --model.optimizer to be a class such as AdamW, but got null.")
    _check_optimizer(below(values, "model.optimizer"))
    _check_trainer(values)
    _check_model(values)
    if complete and command == "fit" and values.get("model.average_weights") is not None:
        _check_average(values)
    if isinstance(name := values.get("name"), str):
        check_name(name)
    path = values.get("ckpt_path")
    if isinstance(path, str | Path):
        if command != "fit":
            check_keyword(str(path), values.get("name"), runs)
        check_checkpoint(str(path))
    if command != "show" and not (command == "predict" and output):
        path, name = (None if value is None else str(value) for value in (path, name))
        check_folder(command, path, name, runs)


def _check_ranges(values: Mapping[str, Any], ranges: Mapping[str, Range], above: str = "") -> None:
    for name, (holds, expected) in ranges.items():
        value = values.get(name)
        if isinstance(value, int | float) and not isinstance(value, bool) and not holds(value):
            raise ValueError(f"Expected --{above}{name} to be {expected}, but got {value!r}.")


def _check_data(values: Mapping[str, Any]) -> None:
    """Check what needs no table; `datamodules.rows.early_check` checks the rest, and loads more for it."""
    data = data_flags(values)
    refuse_below(**{name: data[name] for name in LEAST if isinstance(data.get(name), int)})
    parse_shots(data.get("shots") or 0)
    if data.get("predict_shard") is not None:
        parse_shard(data["predict_shard"])
    if isinstance(data.get("format"), str):
        find_config("formats", data["format"])
    for name in ("input_notation", "output_notation"):
        if isinstance(data.get(name), str):
            for part in data[name].split(",") if ":" in data[name] else [data[name]]:
                check_notation(part.rpartition(":")[2].strip())  # of several columns `a:text,b:number`
    if isinstance(data.get("encoding"), str):
        TableOptions(encoding=data["encoding"])


def _check_fractions(data: Mapping[str, Any]) -> None:
    shares = [
        0.0 if data.get(f"{side}_source") else data.get(f"{side}_fraction", 0.05) for side in ("val", "test")
    ]
    if data.get("split_column") is None and all(isinstance(share, int | float) for share in shares):
        check_fractions(*shares)


def _check_optimizer(arguments: Mapping[str, Any]) -> None:
    for name, (_, expected) in OPTIMIZER_RANGES.items():
        if isinstance(value := arguments.get(name), str):
            raise ValueError(
                f"Expected --model.optimizer.{name} to be a number {expected}, but got {value!r}."
            )
    _check_ranges(arguments, OPTIMIZER_RANGES, "model.optimizer.")
    betas = arguments.get("betas")
    if isinstance(betas, list | tuple) and not (
        len(betas) in (2, 3) and all(isinstance(beta, int | float) and 0 <= beta < 1 for beta in betas)
    ):
        raise ValueError(
            f"Expected --model.optimizer.betas to be two numbers in [0, 1), but got {list(betas)}."
        )


def _check_trainer(values: Mapping[str, Any]) -> None:
    accelerator, strategy = values.get("trainer.accelerator"), values.get("trainer.strategy")
    if isinstance(accelerator, str) and accelerator.islower() and accelerator not in ACCELERATORS:
        raise ValueError(
            f"Expected --trainer.accelerator to be {', '.join(ACCELERATORS)}, but got {accelerator!r}."
            f"{suggest(accelerator, list(ACCELERATORS))}"
        )
    if isinstance(strategy, str) and (refused := refuse_strategy(strategy)):
        raise ValueError(refused)
    check_sharding(values)
    devices = values.get("trainer.devices")
    if isinstance(devices, str) and not _DEVICES.fullmatch(devices):
        raise ValueError(
            f"Expected --trainer.devices to be a number, auto, or a list such as 0,1, but got {devices!r}."
        )
    time = values.get("trainer.max_time")
    if isinstance(time, str) and not _TIME.fullmatch(time):
        raise ValueError(
            f'Expected --trainer.max_time to be DD:HH:MM:SS, such as 00:12:00:00, or "" for no limit, but got {time!r}.'
        )
    interval = values.get("trainer.val_check_interval")
    if not _is_interval(interval):
        raise ValueError(
            "Expected --trainer.val_check_interval to be a share of an epoch in (0.0, 1.0], a whole number of batches, or a "
            f"time as DD:HH:MM:SS, but got {interval!r}."
        )


def _is_interval(value: Any) -> bool:
    """Return whether a value says how often to validate; what is neither a number nor text is Lightning's matter."""
    if isinstance(value, str):
        return _TIME.fullmatch(value) is not None
    if isinstance(value, float):
        return 0 < value <= 1
    return not isinstance(value, int) or value >= 1


def _check_model(values: Mapping[str, Any]) -> None:
    if isinstance(base := values.get("model.base"), str) and base != "auto":
        resolve_base(base)
    tokens = values.get("model.add_tokens")
    if isinstance(tokens, str):
        find_config("tokens", tokens)
    if adapters := below(values, "model.peft"):
        LoraSettings(**_only_known(LoraSettings, adapters))
    shares = ("warmup_fraction", "min_lr_fraction", "decay_fraction")
    WarmupCosine(
        *(
            values[f"model.{name}"] if isinstance(values.get(f"model.{name}"), int | float) else 0.5
            for name in shares
        )
    )


def _check_objective(values: Mapping[str, Any]) -> None:
    """Refuse what contradicts the objective, and settings of another objective."""
    risk = RiskSettings(**_only_known(RiskSettings, below(values, "model.risk")))
    others = {
        "packing": values.get("data.packing"),
        "loss_on": values.get("data.loss_on") or "completion",
        "compile": values.get("model.compile"),
    }
    check_objective(str(values.get("model.objective") or "nll"), risk, **others)


def _check_average(values: Mapping[str, Any]) -> None:
    """Refuse what an average of the weights cannot be kept with."""
    if (precision := values.get("trainer.precision")) in ("bf16-true", "16-true"):
        raise ValueError(
            "Expected --trainer.precision bf16-mixed or 32-true with --model.average_weights, but got "
            f"{precision}: a step would change an average of 16 bits by less than its last digit."
        )
    callbacks = values.get("trainer.callbacks")
    for callback in callbacks if isinstance(callbacks, list) else ():
        path = str(callback.get("class_path") if isinstance(callback, Mapping) else callback)
        if path.endswith("WeightAveraging"):
            name = path.rpartition(".")[2]
            raise ValueError(
                f"Expected --model.average_weights or --trainer.callbacks {name}, but got both: each would average the weights. "
                "Leave out the callback."
            )


def data_flags(values: Mapping[str, Any]) -> dict[str, Any]:
    """Return the flags of the data by their own names."""
    return {name.removeprefix("data."): value for name, value in values.items() if name.startswith("data.")}


def below(values: Mapping[str, Any], above: str) -> dict[str, Any]:
    """Return the settings below a flag, whether they came one by one or as the flag's own value."""
    own = values.get(above)
    given = own.get("init_args", own) if isinstance(own, Mapping) else None
    return {
        **(given if isinstance(given, Mapping) else {}),
        **{
            name.removeprefix(f"{above}."): value
            for name, value in values.items()
            if name.startswith(f"{above}.")
        },
    }


def _only_known(kind: type, given: Mapping[str, Any]) -> dict[str, Any]:
    """Return the settings of a dataclass whose values are of the type of its default; the parser checks the others."""
    known = {item.name: item.default for item in fields(kind)}
    kept = {}
    for name, value in given.items():
        default = known.get(name)
        number = isinstance(value, int | float) and isinstance(default, int | float)
        if name in known and (number or default is None or isinstance(value, type(default) | list)):
            kept[name] = value
    return kept
