"""The expected risk and its gradients, against plain loops."""

from __future__ import annotations

import math

import pytest
import torch

from lightning_modules.training.expected_risk import (
    Question,
    Sequences,
    add_up_risk,
    expected_risk,
    read_questions,
)
from lightning_modules.training.loss import TokenLosses

NAN = float("nan")


def loop(
    scores: torch.Tensor, rewards: torch.Tensor, row: list[int], rows: int, sharpness: float
) -> torch.Tensor:
    """Shen et al. 2016, equations 8 to 10, as they are written."""
    found = []
    for number in range(rows):
        places = [place for place, of in enumerate(row) if of == number]
        weights = [torch.exp(scores[place]) ** sharpness for place in places]
        risk = sum(
            (w / sum(weights) * (1 - rewards[p]) for w, p in zip(weights, places, strict=True)),
            torch.zeros(()),
        )
        found.append(risk.double())
    return torch.stack(found)


@pytest.mark.parametrize("sharpness", [0.005, 0.05, 1.0, 3.0])
def test_expected_risk_and_its_gradients_are_those_of_the_formula(sharpness: float) -> None:
    generator = torch.Generator().manual_seed(0)
    row = [0, 0, 0, 1, 3, 3, 3, 3]
    rewards = torch.rand(8, generator=generator, dtype=torch.float64)
    gradients = []
    for compute in (expected_risk, loop):
        scores = (
            -9 * torch.rand(8, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
        ).requires_grad_()
        of = torch.tensor(row) if compute is expected_risk else row
        risk = compute(scores, rewards, of, 4, sharpness)  # type: ignore[arg-type]
        (risk * torch.tensor([1.0, 2.0, 5.0, 0.5], dtype=torch.float64)).sum().backward()
        gradients.append((risk.detach(), scores.grad))
    torch.testing.assert_close(gradients[0], gradients[1], rtol=1e-12, atol=1e-15)
    assert gradients[0][0][2] == 0, "a row without candidates"


def test_expected_risk_of_improbable_candidates_is_finite() -> None:
    scores = torch.tensor([-1e4, -1e4 - math.log(3), -3e4], requires_grad=True)
    risk = expected_risk(scores, torch.tensor([1.0, 0.0, 0.0]), torch.zeros(3, dtype=torch.int64), 1, 1.0)
    risk.sum().backward()
    assert risk.item() == pytest.approx(0.25, rel=1e-3)
    assert scores.grad is not None
    assert scores.grad.tolist() == pytest.approx([-0.1875, 0.1875, 0], rel=1e-3)


def test_read_questions_leaves_out_fillers_and_padding() -> None:
    ids = torch.tensor([[5, 6, 7, 2, 0], [8, 9, 2, 0, 0], [5, 6, 7, 2, 0]])
    labels = torch.tensor([[-100, -100, 7, 2, -100], [-100, 9, 2, -100, -100], [-100] * 5])
    found = read_questions(torch.tensor([4, 1, -1]), ids, labels)
    assert found == [Question(4, [5, 6], [7, 2]), Question(1, [8], [9, 2])]


def make_sequences() -> Sequences:
    """Row 0: a target that is no candidate and two candidates; row 1: a drawn target alone; row 2: unknown rewards."""
    questions = [Question(4, [5, 6], [7, 2]), Question(1, [8], [9, 9, 2]), Question(2, [8], [3])]
    return Sequences(
        questions,
        [[7, 2], [7, 7, 2], [2], [9, 9, 2], [3], [4]],
        [0, 0, 0, 1, 2, 2],
        [0, 3, 1, 4, 0, 4],
        [NAN, 1.0, 0.0, 0.5, NAN, NAN],
    )


def test_lay_out_supervises_completions_only() -> None:
    batch = make_sequences().lay_out(0, torch.device("cpu"))
    assert batch["input_ids"].tolist()[:3] == [[5, 6, 7, 2, 0], [5, 6, 7, 7, 2], [5, 6, 2, 0, 0]]
    assert batch["labels"].tolist()[:3] == [
        [-100, -100, 7, 2, -100],
        [-100, -100, 7, 7, 2],
        [-100, -100, 2, -100, -100],
    ]


def test_add_up_risk_is_risk_and_mean_target_loss() -> None:
    sequences = make_sequences()
    lengths = [len(completion) for completion in sequences.completions]
    token_rows = torch.repeat_interleave(torch.arange(6), torch.tensor(lengths))
    losses = torch.rand(sum(lengths), dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    nats = [losses[token_rows == place].sum() for place in range(6)]
    result = add_up_risk(TokenLosses(losses, token_rows), sequences, sharpness=0.5, alpha=0.25)
    weights = [math.exp(-0.5 * nats[place]) for place in (1, 2)]
    risk = weights[1] / sum(weights)
    expected = risk + 0.5 + 0 + 0.25 * (nats[0] / 2 + nats[3] / 3 + nats[4] / 1)
    assert result.loss.item() == pytest.approx(expected.item(), rel=1e-12)
    assert result.rows == 3
    # the risk of rows 0 and 1, two rows with candidates, 3 draws of 1, 1 of 0 and 4 of 0.5, and row 1 without a difference
    assert result.seen.tolist() == pytest.approx([risk + 0.5, 2, 5, 8, 1])
