from __future__ import annotations

from dataclasses import replace

import pytest
from lightning.pytorch import Callback

from lightning_modules.generation.candidates import draw_candidates
from lightning_modules.generation.generate import GenerationSettings, generate
from tests.helpers.tiny import make_batch, make_rows, make_tiny, make_tokenizer, save_tiny
from tests.helpers.tiny_runs import RowsData, make_module, make_trainer

PAIRS = [("CCO:", "ethanol"), ("name c1ccccc1:", "benzene"), ("C:", "methane")]
SEVERAL = GenerationSettings(max_new_tokens=8, candidates=3, temperature=1.5, seed=4)
BEAM = GenerationSettings(strategy="beam", num_beams=2, max_new_tokens=8, candidates=2)


def draw(settings, only=(0, 1, 2)):
    tokenizer = make_tokenizer(False)
    batch = make_batch(make_rows(tokenizer, [PAIRS[i] for i in only]), tokenizer.pad_token_id, list(only))
    asked = make_tiny().eval(), tokenizer, batch["prompt_ids"], batch["prompt_mask"]
    own = generate(*asked, settings, batch["row_index"])
    return own, draw_candidates(*asked, settings, batch["row_index"], own), asked, batch


@pytest.mark.parametrize("settings", [SEVERAL, BEAM], ids=lambda one: one.strategy)
def test_the_first_is_the_own_answer_and_the_others_are_draws_of_their_seeds(settings):
    own, found, asked, batch = draw(settings)
    assert [row[0].text for row in found] == own.text
    assert [row[0].score for row in found] == own.score.tolist()
    for number in range(1, settings.candidates):
        plain = GenerationSettings(
            strategy="sample", max_new_tokens=8, temperature=settings.temperature, seed=settings.seed + number
        )
        expected = generate(*asked, plain, batch["row_index"])
        assert [row[number].text for row in found] == expected.text
        assert [row[number].score for row in found] == expected.score.tolist()
        assert [row[number].stopped for row in found] == expected.stopped.tolist()


def test_a_row_has_the_same_candidates_whatever_is_beside_it():
    _, together, _, _ = draw(SEVERAL)
    for index in range(3):
        _, [alone], _, _ = draw(SEVERAL, only=(index,))
        assert [one.text for one in alone] == [one.text for one in together[index]]


def test_drawing_needs_its_flags_and_greedy_alone_does_not():
    assert replace(SEVERAL, strategy="greedy").temperature == 1.5
    with pytest.raises(ValueError, match=r"temperature=1\.5 has no effect with strategy 'greedy'"):
        replace(SEVERAL, candidates=1)
    with pytest.raises(ValueError, match="candidates to be at least 1, but got 0"):
        GenerationSettings(candidates=0)


class RowsToTest(RowsData):
    test_dataloader = RowsData.val_dataloader


def test_test_gives_candidates_and_validate_does_not(tmp_path):
    class Collect(Callback):
        def __init__(self):
            self.outputs = {"validate": [], "test": []}

        def on_validation_batch_end(self, trainer, pl_module, outputs, *_):
            self.outputs["validate"].append(outputs)

        def on_test_batch_end(self, trainer, pl_module, outputs, *_):
            self.outputs["test"].append(outputs)

    collected = Collect()
    module = make_module(save_tiny(tmp_path, pad_is_stop=False), generation=SEVERAL)
    data = RowsToTest(make_rows(make_tokenizer(False), PAIRS), batch_size=2, shards=[[0, 1, 2, -1]])
    trainer = make_trainer(callbacks=[collected])
    trainer.validate(module, data, verbose=False)
    trainer.test(module, data, verbose=False)
    assert all("candidates" not in outputs for outputs in collected.outputs["validate"])
    for outputs in collected.outputs["test"]:
        assert [row[0].text for row in outputs["candidates"]] == outputs["prediction"]
        assert {len(row) for row in outputs["candidates"]} == {3}
