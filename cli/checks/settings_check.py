"""Check a parsed configuration before anything is made: what a program or an unusual spelling sets is known only then."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from cli.checks.config_check import flatten
from cli.checks.device_check import check_devices
from cli.checks.flag_list import read_flags
from cli.checks.optimizer_check import check_optimizer
from cli.checks.value_check import below, check_values, data_flags
from datamodules.rows.early_check import check_tables
from lightning_modules.decoder.layer_names import check_layer_names
from lightning_modules.decoder.lora_settings import LoraSettings


def check_settings(command: str, config: Any, runs: Path) -> None:
    """Check the values, the first rows of the tables, the devices, the optimizer and the names of layers.

    Most of it has been checked before PyTorch was loaded, by the same functions.

    Args:
        command: The subcommand.
        config: Its configuration.
        runs: The folder of all runs.

    Raises:
        ValueError: If something cannot work.
    """
    settings = config.as_dict()
    settings.pop("config", None)  # the parser's paths of the files it has read
    values = dict(flatten(settings, read_flags().flags[command]))
    check_values(command, values, runs)
    check_tables(command, data_flags(values))
    check_devices(config.trainer.accelerator, config.trainer.devices)
    check_optimizer(config.model.optimizer)
    if command == "fit":
        model = {name: values.get(f"model.{name}") for name in ("base", "trainable", "trust_remote_code")}
        adapters = below(values, "model.peft")
        targets = adapters.get("targets", LoraSettings.targets) if adapters else None
        check_layer_names(str(model["base"]), targets, model["trainable"], model["trust_remote_code"] is True)
