"""Is `--data.condition` one in which the asked model was trained? Its `patois.json` tells, where no training row is read."""

from __future__ import annotations

from pathlib import Path

from datamodules.formats import load_format
from datamodules.rows.columns.conditions import OWN
from datamodules.texts.asking import load_asking, refuse_condition
from lightning_modules.decoder.bases import resolve_base


def check_condition(
    command: str, condition: str | None, form: str, checkpoint: str | None, base: str
) -> None:
    """Refuse a condition that changes no answer, or in which the asked model was not trained, as far as that is recorded.

    Where the format shows no condition, validate and test still choose their rows by it.

    Args:
        command: validate, test or predict.
        condition: The value of `--data.condition`.
        form: The value of `--data.format`.
        checkpoint: The checkpoint that is asked, in its run's folder; None asks the base.
        base: The value of `--model.base`.

    Raises:
        ValueError: If there is no such condition, or nobody shows it to the model.
    """
    shown = load_format(form)
    if condition is None or condition == OWN or (command != "predict" and not shown.uses_condition):
        return
    asking = load_asking(_find_folder(checkpoint, base))
    known = sorted({name for names in asking.conditions.values() for name in names}) if asking else []
    refuse_condition(condition, shown, known)


def _find_folder(checkpoint: str | None, base: str) -> Path:
    """Return the folder of a checkpoint's exported weights, or else that of the base."""
    if checkpoint:
        return Path(checkpoint).expanduser().parent.parent / "hf"
    return Path(resolve_base(base).path)
