"""Query a trained model from Python.

Without an argument `load` takes the model that ships. Importing this loads no PyTorch; `load` does.

Examples:
    >>> import patois
    >>> model = patois.load("runs/mine")  # doctest: +SKIP
    >>> [(answer.text, answer.probability) for answer in model.predict(["CCO"])]  # doctest: +SKIP
    [('ethanol', 0.93)]
    >>> model.predict(table, column="smiles").to_table()  # doctest: +SKIP
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from cli.asking.answers import Answer, Answers
from cli.asking.find import describe
from cli.asking.model import Model
from lightning_modules.decoder.bases import FLAGSHIP

if TYPE_CHECKING:
    import torch

__all__ = ["Answer", "Answers", "Model", "load"]


def load(folder: str | Path | None = None, device: str | torch.device = "cpu") -> Model:
    """Load a trained model.

    Args:
        folder: A run's folder (`runs/mine`), one of its checkpoints, or an exported `hf` folder; default: the model that ships
            with Patois, which translates molecules to names and names to molecules.
        device: Where the model generates, such as `cuda`.

    Raises:
        ValueError: If there is no model, or its task and format are not recorded.
    """
    return Model(describe(FLAGSHIP if folder is None else Path(folder).expanduser(), named="folder"), device)
