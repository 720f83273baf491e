"""Pictures of molecules."""

from __future__ import annotations

from typing import TYPE_CHECKING

from callbacks.rows.notation_calls import NotationCalls

if TYPE_CHECKING:
    from PIL.Image import Image

LONGEST = {"smiles": 200, "selfies": 1_000}
"""Notations that can be drawn, and up to how many characters: a picture of more shows nothing, and RDKit's
layout runs in this process, where nothing can stop it."""


def draw(
    calls: NotationCalls, notation: str, text: str | None, size: tuple[int, int] = (260, 180)
) -> Image | None:
    """Return a picture of a molecule, or None if `text` is not a valid molecule, or one too big to draw.

    Args:
        calls: Who says whether it is valid.
        notation: What `text` is written in; None is returned for all but SMILES and SELFIES.
        text: The molecule.
        size: Width and height in pixels.
    """
    if not text or len(text) > LONGEST.get(notation, 0):
        return None
    if calls.invalid_reasons(notation, [text])[0] is not None:
        return None
    from rdkit import Chem, rdBase
    from rdkit.Chem import Draw

    if notation == "selfies":
        import selfies

        text = selfies.decoder(text)
    with rdBase.BlockLogs():
        return Draw.MolToImage(Chem.MolFromSmiles(text), size=size)
