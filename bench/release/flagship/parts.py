"""The two sets of weights of the flagship: one names molecules, the other draws them."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

from bench.markdown import DOCS
from lightning_modules.decoder.bases import FLAGSHIP

RESULTS = DOCS / "results" / "flagship"


class Part(NamedTuple):
    """Weights that answer one task."""

    name: str
    """Its name on the command line."""
    folder: Path
    """Where the weights lie."""
    task: str
    title: str
    example: str
    """What the card asks."""
    to_project: str
    """The way from its folder to the project's, as in a link."""

    @property
    def results(self) -> Path:
        """The folder of what was measured."""
        return RESULTS / self.name


PARTS = {
    part.name: part
    for part in (
        Part("names", FLAGSHIP, "smiles_to_iupac", "The flagship: structures to names", "CCO", "../../"),
        Part(
            "draws",
            FLAGSHIP / "draws",
            "iupac_to_smiles",
            "The flagship: names to structures",
            "acetic acid",
            "../../../",
        ),
    )
}
