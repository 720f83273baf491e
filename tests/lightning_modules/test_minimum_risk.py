"""Minimum risk training: its candidates, its loss and its gradients, however batches and ranks share the rows."""

from __future__ import annotations

import os
import subprocess
import sys
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import torch
from transformers import PreTrainedModel

from lightning_modules.causal_lm import CausalLM
from lightning_modules.decoder.lora_settings import LoraSettings
from lightning_modules.minimum_risk import Drawn, draw, reward_drawn
from lightning_modules.training.expected_risk import Question
from lightning_modules.training.risk_settings import RiskSettings
from tests.helpers.risk_runs import RISK, RiskData, make_risk_module, record_risk, reward_of
from tests.helpers.runs import PROJECT
from tests.helpers.tiny import make_tiny, make_tokenizer
from tests.helpers.tiny_runs import Recorder, assert_same, make_module, make_trainer, uneven_rows

QUESTIONS = [Question(row, prompt, completion) for row, (prompt, completion) in enumerate(uneven_rows())]


@pytest.fixture(scope="module")
def whole(base: str) -> Recorder:
    """One optimizer step on all eight rows at once, in float64."""
    return record_risk(base, 8, 1)


def loop_loss(decoder: PreTrainedModel, settings: RiskSettings) -> torch.Tensor:
    """The mean loss of the eight rows, one sequence after the other."""
    tokenizer, total = make_tokenizer(), torch.zeros((), dtype=torch.float64)
    drawn = draw(decoder, tokenizer, QUESTIONS, settings, 4, step=0)
    for question, candidates in zip(QUESTIONS, drawn, strict=True):

        def score(ids: list[int], prompt: list[int] = question.prompt) -> torch.Tensor:
            logits = decoder(torch.tensor([prompt + ids])).logits[0, len(prompt) - 1 : -1]
            return torch.stack(
                [row.log_softmax(0)[token] for row, token in zip(logits, ids, strict=True)]
            ).sum()

        target = score(question.completion)
        total = total - settings.alpha * target / len(question.completion)
        if question.row_index == 3:  # has no reward
            continue
        different = {one.ids: (one.text, one.stopped) for one in candidates}
        text = tokenizer.decode(question.completion, skip_special_tokens=True)
        different[tuple(question.completion)] = text, True
        scores = torch.stack([score(list(ids)) for ids in different])
        rewards = [
            reward_of([question.row_index], [text])[0] if stopped else 0.0
            for text, stopped in different.values()
        ]
        weights = (settings.sharpness * scores).softmax(0)
        total = total + (weights * (1 - weights.new_tensor(rewards))).sum()
    return total / len(QUESTIONS)


def test_loss_and_gradients_of_a_step_are_those_of_a_plain_loop(whole: Recorder) -> None:
    decoder = make_tiny().double()
    loss = loop_loss(decoder, RISK)
    loss.backward()
    assert whole.losses == pytest.approx([loss.item()], rel=1e-6)
    assert_same(whole.gradients[0], torch.cat([p.grad.flatten() for p in decoder.parameters()]))


@pytest.mark.parametrize(("batch_size", "accumulate"), [(1, 8), (2, 4), (3, 100)])
def test_accumulated_steps_equal_one_step(
    base: str, whole: Recorder, batch_size: int, accumulate: int
) -> None:
    run = record_risk(base, batch_size, accumulate)
    assert run.losses == pytest.approx(whole.losses, rel=1e-9)
    assert_same(run.gradients[0], whole.gradients[0])
    for name in ("train/risk", "train/reward", "train/same_reward"):
        assert run.logged[name] == pytest.approx(whole.logged[name], rel=1e-6), name  # type: ignore[attr-defined]


def test_the_shared_prefix_changes_nothing(base: str, whole: Recorder) -> None:
    run = record_risk(base, 8, 1, make_risk_module(base, share_prefix=False))
    assert_same(run.gradients[0], whole.gradients[0])


@pytest.fixture(scope="module")
def on_ranks(base: str, tmp_path_factory: pytest.TempPathFactory) -> list[Any]:
    results = tmp_path_factory.mktemp("ranks") / "results.pt"
    command = [sys.executable, "-m", "tests.helpers.risk_runs", base, str(results)]
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    done = subprocess.run(command, cwd=PROJECT, env=environment, capture_output=True, text=True, timeout=280)
    assert done.returncode == 0, done.stderr[-3000:]
    found: list[Any] = torch.load(results)
    return found


def test_two_ranks_equal_one(on_ranks: list[Any], whole: Recorder) -> None:
    for gradients, loss, logged in on_ranks:
        assert loss == pytest.approx(whole.losses[0], rel=1e-9)
        assert_same(gradients, whole.gradients[0])
        assert logged["train/risk"] == pytest.approx(whole.logged["train/risk"], rel=1e-6)  # type: ignore[attr-defined]


def test_candidates_depend_on_seed_step_and_row_only() -> None:
    decoder, tokenizer = make_tiny(), make_tokenizer()
    settings = RiskSettings(candidates=5)
    together = draw(decoder, tokenizer, QUESTIONS, settings, 4, step=7)
    alone = [draw(decoder, tokenizer, [one], settings, 4, step=7)[0] for one in reversed(QUESTIONS)]
    assert together == alone[::-1]
    assert sum(one.draws for one in together[0]) == 5
    assert draw(decoder, tokenizer, QUESTIONS, settings, 4, step=8) != together
    assert draw(decoder, tokenizer, QUESTIONS, RiskSettings(candidates=5, seed=1), 4, step=7) != together
    assert len({tuple(one.ids for one in row) for row in together}) == 8, "rows have different random numbers"


def test_candidates_are_drawn_from_the_model() -> None:
    """The share of each first token is its probability (a binomial bound of four standard deviations)."""
    decoder, tokenizer = make_tiny(), make_tokenizer()
    drawn = draw(decoder, tokenizer, QUESTIONS[:1], RiskSettings(candidates=2000), 1, step=0)[0]
    logits = decoder(torch.tensor([QUESTIONS[0].prompt])).logits[0, -1]
    logits[tokenizer.pad_token_id] = logits[290:] = -torch.inf
    chances = logits.softmax(0)
    for one in drawn:
        chance = chances[one.ids[0]].item()
        assert abs(one.draws / 2000 - chance) < 4 * (chance * (1 - chance) / 2000) ** 0.5 + 1e-3


def test_reward_drawn_merges_a_drawn_target_and_asks_each_text_once() -> None:
    asked: list[Any] = []

    def ask(rows: list[int], texts: list[str]) -> list[float]:
        asked.extend(zip(rows, texts, strict=True))
        return [0.5] * len(rows)

    questions = [Question(4, [5], [7, 2]), Question(9, [5], [8, 2])]
    drawn = [[Drawn((7, 2), "a", True, 3), Drawn((7, 7), "b", False, 1)], [Drawn((3, 2), "c", True, 4)]]
    found = reward_drawn(questions, drawn, ask, [None, None])
    assert asked == [(4, "a"), (4, "b"), (9, "c")]
    assert found.completions == [[7, 2], [7, 7], [8, 2], [3, 2]]
    assert found.row == [0, 0, 1, 1]
    assert found.draws == [3, 1, 0, 4]
    assert found.rewards[:2] == [0.5, 0], "without a stop token the reward is 0"
    assert found.rewards[2] != found.rewards[2], "a target that is no candidate"
    assert found.rewards[3] == 0.5
    with_targets = reward_drawn(questions, drawn, ask, ["a", "d"])
    assert with_targets.rewards[2] == 0.5


def test_a_resumed_run_equals_one_that_was_not_stopped(base: str, tmp_path: Path) -> None:
    path = tmp_path / "last.ckpt"

    def fit(epochs: int, start: Path | None = None) -> dict[str, torch.Tensor]:
        module = make_risk_module(
            base,
            RiskSettings(candidates=3, reference=True),
            optimizer=partial(torch.optim.AdamW, lr=0.01),
            scheduler=partial(torch.optim.lr_scheduler.ConstantLR, factor=1.0),
        )
        trainer = make_trainer(max_epochs=epochs, accumulate_grad_batches=2)
        trainer.fit(module, RiskData(uneven_rows(), 2), ckpt_path=start)
        assert trainer.global_step == 2 * epochs
        trainer.save_checkpoint(path)
        return module.state_dict()

    whole = fit(3)
    first = fit(1)
    resumed = fit(3, path)
    assert all(torch.equal(whole[name], resumed[name]) for name in whole)
    assert not all(torch.equal(whole[name], first[name]) for name in whole)


@pytest.mark.parametrize(
    ("options", "precision"),
    [
        ({"peft": LoraSettings(rank=2)}, "32-true"),
        ({}, "bf16-mixed"),
        ({}, "bf16-true"),
        ({"gradient_checkpointing": True}, "32-true"),
    ],
    ids=["lora", "bf16-mixed", "bf16-true", "checkpointing"],
)
def test_other_ways_to_train_lower_the_same_risk(
    base: str, whole: Recorder, options: dict[str, Any], precision: Any
) -> None:
    torch.manual_seed(0)
    run = record_risk(base, 8, 1, make_risk_module(base, **options), precision=precision)
    tolerance = 0.1 if "bf16" in precision else 1e-4
    assert run.losses == pytest.approx(whole.losses, rel=tolerance)
    assert run.gradients[0].isfinite().all()
    assert run.gradients[0].norm() > 0


def test_training_raises_the_reward(base: str) -> None:
    """One answer is right; the model draws it more often with each step."""
    module = make_risk_module(
        base,
        RiskSettings(candidates=8, sharpness=1.0, alpha=0.0),
        optimizer=partial(torch.optim.AdamW, lr=0.02),
    )
    tokenizer = make_tokenizer()
    stop = tokenizer.eos_token_id
    module.reward_of = lambda rows, texts: [float(len(text) <= 1) for text in texts]
    rows = [([1, 5 + n, 40 + n], [60, stop]) for n in range(8)]
    with torch.no_grad():
        module.configure_model()
        module.decoder.get_output_embeddings().weight[stop] *= 4  # so that some answers stop
    rewards = []

    class Watch(Recorder):
        def on_train_batch_end(self, trainer: Any, *_: Any) -> None:
            rewards.append(trainer.callback_metrics["train/reward"].item())

    make_trainer(max_epochs=30, callbacks=[Watch()]).fit(module, RiskData(rows, 8))
    assert sum(rewards[-5:]) / 5 > sum(rewards[:5]) / 5 + 0.2


def test_packed_rows_and_a_missing_callback_are_told_in_one_line(base: str) -> None:
    module = make_module(base, objective="risk")
    with pytest.raises(
        ValueError,
        match=r"callbacks\.metrics\.training\.candidate_rewards\.CandidateRewards among the callbacks",
    ):
        make_trainer().fit(module, RiskData(uneven_rows(), 8))
    module = make_risk_module(base)
    module.configure_model()
    with pytest.raises(ValueError, match="Expected padded rows with supervised completions"):
        module.batch_loss({"input_ids": torch.zeros(1, 1), "labels": torch.zeros(1, 1)})


def test_a_batch_of_fillers_has_no_loss_and_zero_gradients(base: str) -> None:
    module: CausalLM = make_risk_module(base)
    module.configure_model()
    batch: Any = {
        "input_ids": torch.ones(1, 4, dtype=torch.int64),
        "labels": torch.full((1, 4), -100),
        "row_index": torch.tensor([-1]),
        "prefix_length": 0,
    }
    loss, count = module.batch_loss(batch)
    loss.backward()
    assert (loss, count) == (0, 0)
    assert all(p.grad is not None and not p.grad.any() for p in module.decoder.parameters())
