"""Flags of the objective that cannot work are told in one line."""

from __future__ import annotations

from typing import Any

import pytest

from lightning_modules.training.risk_settings import RiskSettings, check_objective


@pytest.mark.parametrize(
    ("values", "told"),
    [
        ({"candidates": 1}, "candidates to be at least 2, since one alone has no gradient, but got 1"),
        ({"candidates": 0, "reference": True}, "candidates to be at least 1"),
        ({"sharpness": 0.0}, "sharpness to be above 0, but got 0.0"),
        ({"sharpness": float("nan")}, "sharpness to be above 0, but got nan"),
        ({"alpha": -1.0}, "alpha to be at least 0, but got -1.0"),
        ({"temperature": 0.0}, "temperature to be above 0"),
        ({"seed": -1}, "seed to be at least 0"),
        ({"reward": "nice"}, "reward to be right, valid, similarity or formula, but got 'nice'"),
    ],
)
def test_a_value_out_of_range_is_told(values: dict[str, Any], told: str) -> None:
    with pytest.raises(ValueError, match=f"^Expected --model.risk.{told}"):
        RiskSettings(**values)


def test_one_candidate_is_enough_beside_the_reference() -> None:
    assert RiskSettings(candidates=1, reference=True).candidates == 1


@pytest.mark.parametrize(
    ("objective", "others", "told"),
    [
        ("mle", {}, "--model.objective to be nll or risk, but got 'mle'"),
        ("risk", {"packing": True}, "--data.packing false with --model.objective risk"),
        ("risk", {"loss_on": "all"}, "--data.loss_on completion with --model.objective risk.*got 'all'"),
        ("risk", {"compile": True}, "--model.compile false with --model.objective risk"),
    ],
)
def test_what_contradicts_the_objective_is_told(objective: str, others: dict[str, Any], told: str) -> None:
    with pytest.raises(ValueError, match=told):
        check_objective(objective, RiskSettings(), **others)
    check_objective("nll", RiskSettings(), packing=True, loss_on="all", compile=True)
    check_objective("risk", RiskSettings(alpha=0.1), packing=False, loss_on="completion", compile=False)


def test_settings_of_another_objective_are_told() -> None:
    with pytest.raises(
        ValueError, match=r"--model\.risk\.candidates 8 has no effect with --model.objective nll"
    ):
        check_objective("nll", RiskSettings(candidates=8))
