"""How many drawn names OPSIN reads as one molecule."""

from __future__ import annotations

from collections.abc import Callable

from rdkit import Chem

from datamodules.making.draws import Draws
from datamodules.workers.opsin import read_names


def share_read(draw: Callable[[Draws], str | None], count: int) -> float:
    """Return the share of `count` drawn names that are read without a warning, of those that fit together."""
    draws = Draws("all")
    names = [name for name in (draw(draws) for _ in range(count)) if name]
    read = [
        one
        for one in read_names(names)
        if one.smiles and one.warning is None and Chem.MolFromSmiles(one.smiles)
    ]
    return len(read) / len(names)
