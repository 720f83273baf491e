"""Refuse devices that this machine does not have, in one line and before anything is made."""

from __future__ import annotations

import os
import re
from typing import Any

_GPU = ("gpu", "cuda", "mps")
_FEW_PROCESSES = 4
"""Processes that may always share a CPU, to try on it what will run on GPUs."""


def needs_devices(accelerator: Any, devices: Any) -> bool:
    """Return whether the flags ask for devices that a machine may lack, so that PyTorch has to be asked.

    Examples:
        >>> needs_devices("auto", "auto"), needs_devices("gpu", "auto"), needs_devices(None, 2)
        (False, True, True)
    """
    return accelerator in _GPU or devices not in (None, "auto", 1, "1")


def check_devices(accelerator: Any, devices: Any) -> None:
    """Raise ValueError if the machine has no such device, or fewer.

    Args:
        accelerator: `--trainer.accelerator`; an object of a class of one's own is not checked.
        devices: `--trainer.devices`: a number, -1 for all, a list of indices or its text.
    """
    import torch

    if accelerator not in (None, "auto", "cpu", *_GPU):
        return
    has_mps = torch.backends.mps.is_available()
    count = torch.cuda.device_count() or int(has_mps and accelerator != "cuda")
    if accelerator in _GPU and (count == 0 or (accelerator == "mps" and not has_mps)):
        why = "" if torch.version.cuda or torch.version.hip else ", and this PyTorch is built for CPUs only"
        raise ValueError(
            f"--trainer.accelerator {accelerator}: expected a GPU that PyTorch can use, but there is none on this machine{why}. "
            "Leave the flag out, or say --trainer.accelerator cpu."
        )
    on_gpu = accelerator in _GPU or (accelerator in (None, "auto") and count > 0)
    wanted = read_devices(devices)
    if wanted is None:
        return
    if isinstance(wanted, list):
        if not on_gpu:
            raise ValueError(
                f"--trainer.devices: expected a number of processes, since this run is on a CPU, but got {wanted}: say "
                f"--trainer.devices {len(wanted)}."
            )
        missing = [index for index in wanted if not 0 <= index < count]
        if missing or not wanted:
            raise ValueError(
                f"--trainer.devices: expected indices from 0 to {count - 1}, since this machine has {count} "
                f"{'GPU' if count == 1 else 'GPUs'}, but got {wanted}."
            )
        return
    if wanted < 1 and wanted != -1:
        raise ValueError(
            f"Expected --trainer.devices to be at least 1, -1 for all, or auto, but got {wanted}."
        )
    cores = os.cpu_count() or 1
    has, what = (count, "GPU") if on_gpu else (cores, "CPU core")
    most = has if on_gpu else max(cores, _FEW_PROCESSES)
    if wanted > most:
        raise ValueError(
            f"--trainer.devices {wanted}: expected at most {most}, since this machine has {has} "
            f"{what}{'' if has == 1 else 's'}. Leave the flag out to use "
            f"{'all of them' if on_gpu else 'one process, which uses all cores'}."
        )


def read_devices(devices: Any) -> int | list[int] | None:
    """Return the number or the indices of devices, or None for `auto` and what only Lightning understands.

    Examples:
        >>> [read_devices(devices) for devices in ("2", "0,1", [3], "auto", "[0, 1]", "2,")]
        [2, [0, 1], [3], None, [0, 1], [2]]
    """
    if isinstance(devices, int):
        return devices
    if isinstance(devices, list) and all(isinstance(index, int) for index in devices):
        return devices
    if not isinstance(devices, str):
        return None
    text = devices.strip().strip("[]")
    if re.fullmatch(r"-?\d+", text) and "[" not in devices:
        return int(text)
    if re.fullmatch(r"\d+\s*(,\s*\d+\s*)*,?", text):
        return [int(index) for index in text.split(",") if index.strip()]
    return None
