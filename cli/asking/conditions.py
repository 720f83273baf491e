"""Is `--data.condition` one in which the asked model was trained? Its `patois.json` tells, where no training row is read."""

from __future__ import annotations

from pathlib import Path

from configs.lookup import suggest
from datamodules.rows.columns.conditions import OWN
from datamodules.texts.asking import load_asking
from lightning_modules.decoder.bases import resolve_base


def check_condition(condition: str | None, checkpoint: str | None, base: str) -> None:
    """Refuse a condition that no training row of the asked model was in, as far as it is recorded.

    Args:
        condition: The value of `--data.condition`.
        checkpoint: The checkpoint that is asked, in its run's folder; None asks the base.
        base: The value of `--model.base`.

    Raises:
        ValueError: If there is no such condition.
    """
    if condition is None or condition == OWN:
        return
    asking = load_asking(_find_folder(checkpoint, base))
    known = sorted({name for names in asking.conditions.values() for name in names}) if asking else []
    if known and condition not in known:
        raise ValueError(
            f"Expected --data.condition to be one in which the model was trained ({', '.join(known)}), or {OWN}, but got "
            f"{condition!r}.{suggest(condition, known)}"
        )


def _find_folder(checkpoint: str | None, base: str) -> Path:
    """Return the folder of a checkpoint's exported weights, or else that of the base."""
    if checkpoint:
        return Path(checkpoint).expanduser().parent.parent / "hf"
    return Path(resolve_base(base).path)
