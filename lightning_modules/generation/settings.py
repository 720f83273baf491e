"""How the text after a prompt is generated, as values that can be checked without loading PyTorch."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal

ChoiceScore = Literal["sum", "mean", "pmi"]


@dataclass(frozen=True)
class GenerationSettings:
    """How the text after a prompt is generated."""

    strategy: Literal["greedy", "beam", "sample"] = "greedy"
    """greedy: take the most probable token; beam: search for the most probable sequence; sample: draw tokens."""
    num_beams: int = 5
    """For `beam`: number of sequences kept at each step. The cost grows with it. At least 2."""
    temperature: float = 1.0
    """For `sample`: logits are divided by it; values below 1 give less varied text. Above 0."""
    top_p: float = 1.0
    """For `sample`: draw from the most probable tokens that together have this probability (nucleus sampling)."""
    seed: int = 0
    """For `sample` and `block`: a row's random numbers depend only on this seed and its row index, not on the batch or
    device count."""
    max_new_tokens: int = 256
    """Most tokens to generate, if no stop token comes earlier."""
    candidates: int = 1
    """Number of answers per row in `test` and `predict`: the strategy's own, and others drawn with temperature, top_p and
    seed (with `block`: by the same strategy, with positions of their own), each at the same cost. `predict` returns the one
    with the strictest passed check; `rerank.csv` of `test` shows the gain."""
    only_valid: bool = False
    """For `greedy` and `sample`: generate only text that can still become valid, and stop only where it is valid. Applies
    to SMILES outputs (needs the extra `constrained`); rows of tasks with other outputs are not constrained."""
    only_from: Literal["input"] | None = None
    """`input`: for `greedy` and `sample`, generate only words that stand together in the row's input: an answer is a span of it.
    Rows with choices or numbers are not constrained."""
    block: float = 0.0
    """For other wordings of the input, `greedy` and `sample`: after each of its tokens forbid the one that follows it there, at
    this share of its positions, drawn by seed and row (Dynamic Blocking). With `candidates` each answer has positions of its
    own. For tasks whose input and output have one notation; rows of others are not blocked. 0 forbids nothing."""
    abstain_below: float | None = None
    """`test` and `predict` mark answers whose probability under the model, exp(score), is lower as abstained. They stay in
    the table; `test` reports how many rows are answered, and how many of these answers are right."""

    choice_score: ChoiceScore = "sum"
    """How the choices of a task are scored: `sum`: by the probability of the text; `mean`: of a token of it; `pmi`: divided by
    its probability without an input."""

    def __post_init__(self) -> None:
        """Reject invalid values and values that the strategy would ignore.

        Raises:
            ValueError: If a value is invalid or has no effect.
        """
        checks = {
            "strategy": (self.strategy in ("greedy", "beam", "sample"), "greedy, beam or sample"),
            "num_beams": (self.num_beams >= 2, "at least 2 (greedy is 1)"),
            "temperature": (self.temperature > 0, "above 0 (for 0 use strategy greedy)"),
            "top_p": (0 < self.top_p <= 1, "in (0, 1]"),
            "max_new_tokens": (self.max_new_tokens >= 1, "at least 1"),
            "candidates": (self.candidates >= 1, "at least 1"),
            "abstain_below": (self.abstain_below is None or 0 < self.abstain_below <= 1, "in (0, 1]"),
            "only_from": (self.only_from in (None, "input"), "input, or left out"),
            "block": (0 <= self.block <= 1, "in [0, 1]"),
            "choice_score": (self.choice_score in ("sum", "mean", "pmi"), "sum, mean or pmi"),
            "only_valid": (
                not self.only_valid or self.strategy != "beam",
                "false with strategy beam, whose search checks no text",
            ),
        }
        for name, (holds, expected) in checks.items():
            if not holds:
                raise ValueError(
                    f"Expected --model.generation.{name} to be {expected}, but got {getattr(self, name)!r}."
                )
        if self.only_from is not None and (self.only_valid or self.strategy == "beam"):
            raise ValueError(
                "Expected --model.generation.only_from without only_valid and without strategy beam, but got both: a text has "
                "one constraint, and beam search checks no text."
            )
        if self.block and (self.only_from is not None or self.strategy == "beam"):
            other = "strategy beam, which forbids no token" if self.only_from is None else "only_from"
            raise ValueError(
                f"Expected --model.generation.block {self.block:g} without only_from and without strategy beam, but got {other}. "
                "Leave one of them out."
            )
        owners = {"num_beams": "beam", "temperature": "sample", "top_p": "sample", "seed": "sample"}
        for name, owner in owners.items():
            if owner == "sample" and self.candidates > 1 and not self.block:
                continue
            if name == "seed" and self.block:
                continue
            if self.strategy != owner and getattr(self, name) != getattr(type(self), name):
                raise ValueError(
                    f"generation.{name}={getattr(self, name)} has no effect with strategy {self.strategy!r}: "
                    f"leave it out, or set generation.strategy to {owner}."
                )

    def as_plain(self) -> GenerationSettings:
        """Return the settings without what restricts or forbids text, for a model that no callback knows."""
        drawn = self.strategy == "sample" or self.candidates > 1
        seed = self.seed if drawn else type(self).seed
        return replace(self, only_valid=False, only_from=None, block=0.0, seed=seed)
