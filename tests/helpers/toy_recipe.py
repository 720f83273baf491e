"""A recipe without chemistry: numbers, of which some are dropped and some come twice. Its chunks can be slow."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pyarrow as pa

from datamodules.making.draws import Draws
from datamodules.making.recipe import Candidate, Verdict

SCHEMA = pa.schema([("number", pa.string()), ("method", pa.string())])


@dataclass(frozen=True)
class Toy:
    """Numbers below `most`; even ones are kept."""

    most: int = 100_000
    slow_s: float = 0.0
    name: str = "toy"
    schema: pa.Schema = SCHEMA
    key: tuple[str, ...] = ("number",)

    def describe(self) -> Mapping[str, Any]:
        return {"most": self.most}

    def generate(self, seed: int, chunk: int, count: int) -> list[Candidate]:
        draws = Draws(f"toy {seed} {chunk}")
        time.sleep(self.slow_s)
        return [Candidate(str(draws.below(self.most)), draws.choose(("one", "other"))) for _ in range(count)]

    def check(self, candidates: Sequence[Candidate]) -> list[Verdict]:
        return [Verdict(None if int(one.text) % 2 == 0 else "odd") for one in candidates]

    def row(self, candidate: Candidate, verdict: Verdict) -> dict[str, Any]:
        return {"number": candidate.text, "method": candidate.method}


def slow_toy() -> Toy:
    """Return the recipe whose chunks take a while."""
    return Toy(slow_s=0.2)


def small_toy() -> Toy:
    """Return the recipe that has ten rows to give."""
    return Toy(most=20)


class BrokenToy(Toy):
    """Fails in the third chunk, as a machine does."""

    def generate(self, seed: int, chunk: int, count: int) -> list[Candidate]:
        if chunk == 2:
            raise OSError("no more machine")
        return super().generate(seed, chunk, count)
