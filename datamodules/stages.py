"""Lightning's stages: the sides of the split that each stage uses, and the rows that it evaluates."""

from __future__ import annotations

from typing import Literal

EvalStage = Literal["val", "test", "predict"]
"""Rows that can be evaluated: a side of the split, or the file to predict."""

SIDES: dict[str, tuple[Literal["train", "val", "test"], ...]] = {
    "fit": ("train", "val"),
    "validate": ("val",),
    "test": ("test",),
    "predict": (),
}
"""Sides of the split that a stage uses; it evaluates the last one."""


def evaluated_rows(stage: str) -> EvalStage:
    """Return the rows that a stage (fit, validate, test or predict) evaluates.

    >>> [evaluated_rows(stage) for stage in ("fit", "validate", "test", "predict")]
    ['val', 'val', 'test', 'predict']
    """
    sides = SIDES[stage]
    if not sides:
        return "predict"
    assert sides[-1] != "train"
    return sides[-1]
