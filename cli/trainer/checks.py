"""Refuse in one line, before anything is made, what Lightning's trainer could be asked for but cannot do here."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

from lightning.fabric.plugins.environments import (
    LSFEnvironment,
    MPIEnvironment,
    SLURMEnvironment,
    TorchElasticEnvironment,
)

from cli.trainer.support import Feature, describe_unknown_strategy, find_feature, why_not

_CLUSTERS = (
    TorchElasticEnvironment,
    SLURMEnvironment,
    LSFEnvironment,
    MPIEnvironment,
)
_OF_LIGHTNING = ("lightning.pytorch.", "lightning.fabric.")
_KINDS = {
    "callbacks": "callbacks",
    "logger": "loggers",
    "plugins": "plugins",
    "strategy": "strategies",
    "precision": "precisions",
    "profiler": "profilers",
    "accelerator": "accelerators",
}
"""Flags of the trainer that name features, and the kind of these."""
_NEED_LOGGER = ("DeviceStatsMonitor", "ThroughputMonitor")


def check_trainer(trainer: Any, environment: Mapping[str, str], features: list[Feature]) -> None:
    """Raise ValueError if a configuration asks for a feature that is refused, or whose package is missing.

    Args:
        trainer: The parsed configuration of the trainer.
        environment: The environment's variables.
        features: See `read_features`.

    Raises:
        ValueError: With what was asked for, why it cannot be, and what to do.
    """
    for name, kind in _KINDS.items():
        for value in _as_list(trainer.get(name)):
            told = _name_of(value)
            if told is None:
                continue
            feature = find_feature(features, kind, told)
            if problem := why_not(feature and replace(feature, name=told)):
                raise ValueError(problem)
            if kind == "strategies" and feature is None and isinstance(value, str):
                raise ValueError(describe_unknown_strategy(value.rpartition(".")[2], features))
    if trainer.get("barebones"):
        raise ValueError(str(why_not(find_feature(features, "flags", "barebones"))))
    _check_strategy_class(trainer.get("strategy"), features)
    _check_logging(trainer)
    _check_nodes(trainer, environment)


def _as_list(value: Any) -> list[Any]:
    if value is None or isinstance(value, bool):
        return []
    return list(value) if isinstance(value, list | tuple) else [value]


def _name_of(value: Any) -> str | None:
    """Return the name of a feature in a configuration; None for classes that are not Lightning's."""
    if isinstance(value, str | int):
        return str(value)
    path = str(value.get("class_path")) if hasattr(value, "get") else _path_of(type(value))
    return path.rpartition(".")[2] if path.startswith(_OF_LIGHTNING) else None


def _path_of(kind: type) -> str:
    return f"{kind.__module__}.{kind.__qualname__}"


def _check_strategy_class(strategy: Any, features: list[Feature]) -> None:
    """Refuse `DDPStrategy` with a `start_method` that is refused as `ddp_spawn` is."""
    if strategy in ("DDPStrategy", "SingleDeviceStrategy"):  # known, but not by a word alone
        raise ValueError(describe_unknown_strategy(strategy, features))
    arguments = strategy.get("init_args") if hasattr(strategy, "get") else None
    method = (arguments or {}).get("start_method", "popen") if arguments is not None else "popen"
    if method != "popen":
        feature = find_feature(features, "strategies", f"ddp_{method}")
        assert feature is not None
        raise ValueError(str(why_not(replace(feature, name=f"DDPStrategy with start_method {method}"))))


def _check_logging(trainer: Any) -> None:
    """Refuse callbacks that only log, where there is no logger."""
    if trainer.get("logger") is not False:
        return
    for name in _names(trainer.get("callbacks")):
        if name in _NEED_LOGGER:
            raise ValueError(
                f"--trainer.callbacks {name} needs a logger, but --trainer.logger is false. Leave out one of the two."
            )


def _names(callbacks: Any) -> Iterator[str]:
    return (name for name in map(_name_of, _as_list(callbacks)) if name is not None)


def _check_nodes(trainer: Any, environment: Mapping[str, str]) -> None:
    """Refuse several nodes where nothing says which one this is: each would wait for the others for half an hour."""
    nodes = trainer.get("num_nodes") or 1
    started = {"NODE_RANK", "GROUP_RANK"} & set(environment)
    if nodes > 1 and not started and not any(cluster.detect() for cluster in _CLUSTERS):
        raise ValueError(
            f"--trainer.num_nodes {nodes}: expected this command to be started on each node by srun or torchrun, or with "
            "MASTER_ADDR, MASTER_PORT and NODE_RANK set, but nothing says which node this is; docs/scaling.md shows how."
        )
