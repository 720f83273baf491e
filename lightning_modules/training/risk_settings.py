"""The objective of a fit and the flags of minimum risk, as values that can be checked without loading PyTorch."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Any, Literal

Objective = Literal["nll", "risk"]
RewardName = Literal["right", "valid", "similarity", "formula"]


@dataclass(frozen=True)
class RiskSettings:
    """`--model.objective risk`: candidates are drawn from the model and rewarded by a check, and the expected reward rises.

    The loss of a row is its expected risk, the mean of 1 - reward over its different candidates, weighted by their
    probabilities to the power of `sharpness`, which are made to add up to 1 (Shen et al. 2016, arXiv 1512.02433); plus `alpha`
    times the mean cross-entropy of a token of its target.
    """

    reward: RewardName = "right"
    """What a candidate is rewarded for: right: the molecule, value or text of the reference; valid: well-formed (of names: OPSIN
    reads it); similarity: Tanimoto similarity of molecules, else 1 - edit distance / length; formula: the molecular formula."""
    candidates: int = 4
    """Answers drawn for each row in each step. Their forward pass has up to candidates + 1 times the batch's rows."""
    sharpness: float = 0.05
    """Power of the candidates' probabilities. Shen et al. take 0.005; Edunov et al. (arXiv 1711.04956) one over the number of
    tokens, which is 0.05 for 20. With 1, mostly the most probable candidate would have a gradient. Above 0."""
    alpha: float = 0.4
    """Weight of the targets' cross-entropy beside the risk; Edunov et al. weigh 0.3 to 0.7. At least 0."""
    reference: bool = False
    """Whether the row's target is a candidate, too: Shen et al. add it, and Edunov et al. found better results without."""
    temperature: float = 1.0
    """The logits of the drawn candidates are divided by it. Above 0."""
    seed: int = 0
    """Candidates depend on this seed, the optimizer step and the row only. At least 0."""

    def __post_init__(self) -> None:
        """Reject values that cannot work.

        Raises:
            ValueError: If a value is invalid.
        """
        least = 1 if self.reference else 2
        checks = {
            "reward": (
                self.reward in ("right", "valid", "similarity", "formula"),
                "right, valid, similarity or formula",
            ),
            "candidates": (self.candidates >= least, f"at least {least}, since one alone has no gradient"),
            "sharpness": (0 < self.sharpness < float("inf"), "above 0"),
            "alpha": (0 <= self.alpha < float("inf"), "at least 0"),
            "temperature": (0 < self.temperature < float("inf"), "above 0"),
            "seed": (self.seed >= 0, "at least 0"),
        }
        for name, (holds, expected) in checks.items():
            if not holds:
                raise ValueError(
                    f"Expected --model.risk.{name} to be {expected}, but got {getattr(self, name)!r}."
                )


def check_objective(objective: str, risk: RiskSettings, **others: Any) -> None:
    """Raise ValueError if settings contradict the objective, or have no effect under it.

    Args:
        objective: `nll` or `risk`.
        risk: The settings of `risk`.
        others: `packing`, `loss_on` of the data, `compile` of the model, as far as they are known.

    Examples:
        >>> check_objective("nll", RiskSettings(alpha=0.1))
        Traceback (most recent call last):
        ValueError: --model.risk.alpha 0.1 has no effect with --model.objective nll: leave it out, or take objective risk.
    """
    if objective not in ("nll", "risk"):
        raise ValueError(f"Expected --model.objective to be nll or risk, but got {objective!r}.")
    if objective == "nll":
        for one in fields(RiskSettings):
            if (value := getattr(risk, one.name)) != one.default:
                raise ValueError(
                    f"--model.risk.{one.name} {value} has no effect with --model.objective nll: leave it out, or take objective "
                    "risk."
                )
        return
    if others.get("packing"):
        raise ValueError(
            "Expected --data.packing false with --model.objective risk, whose candidates take a row each, but got true."
        )
    if others.get("loss_on", "completion") != "completion":
        raise ValueError(
            "Expected --data.loss_on completion with --model.objective risk, which draws answers to prompts, but got "
            f"{others['loss_on']!r}."
        )
    if others.get("compile"):
        raise ValueError(
            "Expected --model.compile false with --model.objective risk, whose batches differ in their rows, but got true."
        )
