from __future__ import annotations

from typing import Any

import pytest
import torch

from lightning_modules.causal_lm import CausalLM
from lightning_modules.evaluation import Evaluator, find_constraints, find_sources
from lightning_modules.generation.generate import GenerationSettings, generate
from tests.helpers.tiny import make_batch, make_rows, make_tiny, make_tokenizer, save_tiny
from tests.helpers.tiny_runs import (
    UNEVEN_SHARDS,
    CollectPredictions,
    RowsData,
    make_module,
    make_trainer,
    uneven_rows,
)


@pytest.mark.pitfall(4)
def test_val_loss_is_the_token_mean_however_the_ranks_share_the_rows(ranks: dict[str, Any]) -> None:
    seen = [index for shard in UNEVEN_SHARDS for index in shard if index >= 0]
    batch = make_batch([uneven_rows()[i] for i in seen], 0)
    expected = make_tiny()(input_ids=batch["input_ids"], labels=batch["labels"]).loss.item()
    assert ranks["val"] == pytest.approx(expected, rel=1e-5)


def test_val_loss_on_one_process(base: str) -> None:
    data = RowsData(uneven_rows(), batch_size=3, shards=[[0, 1, 2, 3, 4, 5, 6, 7, -1]])
    batch = make_batch(uneven_rows(), 0)
    expected = make_tiny()(input_ids=batch["input_ids"], labels=batch["labels"]).loss.item()
    val = make_trainer().validate(make_module(base), data, verbose=False)
    assert val[0]["val/loss"] == pytest.approx(expected, rel=1e-5)


def test_steps_return_one_entry_per_row_fillers_included(base: str) -> None:
    collected = CollectPredictions()
    data = RowsData(uneven_rows(), batch_size=2, shards=[[3, 1, -1, -1]])
    make_trainer(callbacks=[collected]).validate(make_module(base), data, verbose=False)
    assert [output["row_index"].tolist() for output in collected.outputs] == [[3, 1], [-1, -1]]
    for output in collected.outputs:
        assert set(output) == {
            "row_index", "prediction", "score", "stopped", "num_tokens", "row_loss", "row_tokens",
        }  # fmt: skip
        assert len(output["prediction"]) == 2
        assert output["score"].dtype == torch.float32
        assert output["stopped"].dtype == torch.bool
        assert output["num_tokens"].dtype == torch.int64


def test_rows_whose_targets_are_the_answers_cost_the_pass_for_the_loss_alone(base: str) -> None:
    settings = GenerationSettings(max_new_tokens=6)
    module, passes = make_module(base, generation=settings), []
    module.configure_model()
    batch = make_batch(rows := uneven_rows()[:4], 0)
    own = generate(module.decoder, module.tokenizer, batch["prompt_ids"], batch["prompt_mask"], settings)
    ids = [row[:count] for row, count in zip(own.ids.tolist(), own.num_tokens.tolist(), strict=True)]
    module.decoder.register_forward_pre_hook(lambda *_: passes.append(None))
    for targets, most in ((ids, 1), ([[5, *row[1:]] for row in ids], 99)):
        passes.clear()
        asked = [(prompt, [*target, 2]) for (prompt, _), target in zip(rows, targets, strict=True)]
        collected = CollectPredictions()
        data = RowsData(asked, batch_size=4, shards=[[0, 1, 2, 3]])
        make_trainer(callbacks=[collected]).validate(module, data, verbose=False)
        assert [text for output in collected.outputs for text in output["prediction"]] == own.text
        assert (len(passes) == 1) == (most == 1)


def test_predict_needs_no_labels(base: str) -> None:
    batch = make_batch(uneven_rows()[:3], 0)
    batch = {key: batch[key] for key in ("prompt_ids", "prompt_mask", "row_index")}
    (output,) = make_trainer().predict(
        make_module(base), torch.utils.data.DataLoader([batch], batch_size=None)
    )
    assert output["row_index"].tolist() == [0, 1, 2]


@pytest.mark.pitfall(13)
def test_mixed_precision_trains_in_bf16_and_evaluates_in_the_weights_own(base: str) -> None:
    module, seen = CausalLM(base), []
    module.configure_model()
    module.decoder.register_forward_pre_hook(
        lambda decoder, _: seen.append((decoder.training, torch.is_autocast_enabled("cpu")))
    )
    data = RowsData(uneven_rows(), batch_size=8, shards=[list(range(8))])
    make_trainer(precision="bf16-mixed", max_epochs=1, limit_val_batches=1).fit(module, data)
    assert (True, True) in seen
    assert {autocast for training, autocast in seen if not training} == {False}


def test_the_untrained_base_answers_as_before_any_training(tmp_path):
    """Pretrained weights are read anew; random ones are the same each time, and leave the run's random numbers alone."""
    base = save_tiny(tmp_path)
    tokenizer = make_tokenizer()
    batch = make_batch(make_rows(tokenizer, [("CCO:", "ethanol"), ("C:", "methane")]), tokenizer.pad_token_id)
    batch["slots"] = 2
    for init in ("pretrained", "random"):
        module = make_module(base, init=init)
        module.configure_model()
        evaluator = Evaluator(module.decoder, module.tokenizer, module.generation)
        before = evaluator.answer(batch)["prediction"]
        with torch.no_grad():
            for parameter in module.parameters():
                parameter.normal_()
        state = torch.get_rng_state()
        answers = module.answer_untrained(batch)["prediction"]
        assert torch.equal(torch.get_rng_state(), state)
        assert answers == module.answer_untrained(batch)["prediction"]
        assert answers != evaluator.answer(batch)["prediction"]
        if init == "pretrained":
            assert answers == before


def test_the_untrained_base_is_not_constrained(tmp_path):
    """Callbacks give constraints to the model, and none to the base before it."""
    batch = make_batch(make_rows(make_tokenizer(), [("CCO:", "ethanol")]), make_tokenizer().pad_token_id)
    answers = [
        make_module(
            save_tiny(tmp_path), generation=GenerationSettings(max_new_tokens=8, **flag)
        ).answer_untrained(batch)
        for flag in ({}, {"only_from": "input"}, {"only_valid": True}, {"block": 1.0, "seed": 3})
    ]
    assert [one["prediction"] for one in answers] == [answers[0]["prediction"]] * 4


def test_a_row_is_constrained_only_where_that_is_asked_for() -> None:
    asked = []

    def constraints_of(index: list[int]) -> list[None]:
        asked.append(index)
        return [None] * len(index)

    index = torch.tensor([4, -1])
    assert find_constraints(GenerationSettings(), constraints_of, index) is None
    assert find_constraints(GenerationSettings(only_valid=True), constraints_of, index) == [None, None]
    assert asked == [[4, -1]]
    with pytest.raises(ValueError, match=r"Expected .*ConstrainedDecoding among the callbacks"):
        find_constraints(GenerationSettings(only_valid=True), None, index)


def test_a_row_is_blocked_only_where_that_is_asked_for() -> None:
    asked = []

    def sources_of(index: list[int]) -> list[None]:
        asked.append(index)
        return [None] * len(index)

    index = torch.tensor([4, -1])
    assert find_sources(GenerationSettings(), sources_of, index) is None
    assert find_sources(GenerationSettings(block=0.5), sources_of, index) == [None, None]
    assert asked == [[4, -1]]
    with pytest.raises(ValueError, match=r"Expected .*wordings.Wordings among the callbacks.*block 0\.5"):
        find_sources(GenerationSettings(block=0.5), None, index)


def test_an_evaluator_computes_the_loss_in_as_many_rows_as_fit() -> None:
    decoder, batch = make_tiny(), make_batch(uneven_rows(), 0)
    evaluator = Evaluator(decoder, make_tokenizer(), GenerationSettings(max_new_tokens=2))
    loss, count, *_ = evaluator.compute_loss(batch)
    assert loss.item() / count.item() == pytest.approx(
        decoder(input_ids=batch["input_ids"], labels=batch["labels"]).loss.item(), rel=1e-5
    )
    fewer, same, *_ = evaluator.compute_loss({**batch, "slots": 3})
    torch.testing.assert_close(fewer, loss)
    assert same == count
