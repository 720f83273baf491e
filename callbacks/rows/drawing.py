"""Pictures of molecules."""

from __future__ import annotations

from typing import TYPE_CHECKING

from callbacks.rows.notation_calls import NotationCalls

if TYPE_CHECKING:
    from PIL.Image import Image

LONGEST = {"smiles": 200, "selfies": 1_000}
"""Notations that can be drawn, and the most characters of a text: a picture of a longer one is unreadable, and RDKit's
layout runs in this process, where nothing can stop it."""


def draw(
    calls: NotationCalls, notation: str, text: str | None, size: tuple[int, int] = (260, 180)
) -> Image | None:
    """Return a picture of a molecule, or None if `text` is not a valid molecule or is too long to draw.

    Args:
        calls: The calls to notations, which check whether it is valid.
        notation: The notation of `text`; only SMILES and SELFIES can be drawn.
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
