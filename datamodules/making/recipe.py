"""What a recipe is: it generates candidates, checks a chunk of them at once, and makes a row of each that passes."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Mapping, Sequence
from importlib.metadata import version
from typing import Any, NamedTuple, Protocol

import pyarrow as pa

from configs.lookup import PROJECT

UNREADABLE = "not read: "
"""The beginning of the reasons of candidates that no parser reads."""
NOT_ASKED = "not asked: "
"""The beginning of the reasons of candidates that no parser was asked about."""


class Candidate(NamedTuple):
    """What a recipe proposes."""

    text: str
    """A name, or the SMILES of reactants."""
    method: str
    """How it was made."""
    facts: Mapping[str, Any] = {}
    """What else its row needs to know."""


class Verdict(NamedTuple):
    """What the check says about a candidate."""

    reason: str | None
    """Why it is dropped, in a few words that can be counted; None if it is kept."""
    facts: Mapping[str, Any] = {}
    """What its row needs."""


class Recipe(Protocol):
    """A way to make data by rules. Its results depend on its arguments only, never on the process or the clock."""

    @property
    def name(self) -> str:
        """What users call it."""
        ...

    @property
    def schema(self) -> pa.Schema:
        """The rows' columns; one is `method`."""
        ...

    @property
    def key(self) -> tuple[str, ...]:
        """The columns that make two rows duplicates."""
        ...

    def describe(self) -> Mapping[str, Any]:
        """Return what the rows depend on beside seed and chunk: versions and hashes of the data, as JSON can hold them."""
        ...

    def generate(self, seed: int, chunk: int, count: int) -> list[Candidate]:
        """Return at most `count` candidates; a pure function of its arguments."""
        ...

    def check(self, candidates: Sequence[Candidate]) -> list[Verdict]:
        """Return a verdict a candidate; one call judges a whole chunk."""
        ...

    def row(self, candidate: Candidate, verdict: Verdict) -> dict[str, Any]:
        """Return the row of a candidate that passed."""
        ...


_RULES = ("making", "notations", "sources/building", "workers/opsin.py", "splits.py")
"""The code that rows depend on."""


def describe_rules() -> dict[str, str]:
    """Return the hash of the code that made rows depend on, and RDKit's version; a change elsewhere changes neither."""
    folder = PROJECT / "datamodules"
    state = hashlib.blake2b(digest_size=16)
    for name in _RULES:
        place = folder / name
        for path in sorted(place.rglob("*.py")) if place.is_dir() else [place]:
            state.update(f"{path.relative_to(folder).as_posix()}\0".encode())
            state.update(path.read_bytes())
    return {"code": state.hexdigest(), "rdkit": version("rdkit")}


class Chunk(NamedTuple):
    """A chunk's rows and what became of its candidates."""

    rows: pa.Table
    generated: Counter[str]
    """Candidates by method."""
    dropped: Counter[tuple[str, str]]
    """Candidates that were dropped, by method and reason."""


def make_chunk(recipe: Recipe, seed: int, number: int, count: int) -> Chunk:
    """Return one chunk of a recipe; a pure function of its arguments.

    Args:
        recipe: The recipe.
        seed: Any whole number.
        number: The number of the chunk, from 0.
        count: Candidates a chunk.
    """
    candidates = recipe.generate(seed, number, count)
    verdicts = recipe.check(candidates)
    judged = list(zip(candidates, verdicts, strict=True))
    rows = [recipe.row(candidate, verdict) for candidate, verdict in judged if verdict.reason is None]
    return Chunk(
        pa.Table.from_pylist(rows, schema=recipe.schema),
        Counter(candidate.method for candidate in candidates),
        Counter(
            (candidate.method, verdict.reason) for candidate, verdict in judged if verdict.reason is not None
        ),
    )
