from __future__ import annotations

from dataclasses import replace

import pytest
import torch

from lightning_modules.decoder.decoders import never_generated
from lightning_modules.generation import constrained
from lightning_modules.generation.generate import GenerationSettings, generate
from tests.helpers.tiny import make_tiny, make_tokenizer

PROMPTS = [[1, 30, 31], [1, 40, 41, 42, 43], [1, 99], [1, 7, 200, 201], [1, 66, 67, 68]]
GREEDY = GenerationSettings(max_new_tokens=10)
SAMPLE = GenerationSettings(strategy="sample", temperature=1.3, max_new_tokens=10)


class Letters:
    """At most 12 letters, and no fewer than 4."""

    tries = 304

    def may_go_on(self, text):
        return text.isascii() and text.isalpha() and len(text) <= 12

    def may_end(self, text):
        return self.may_go_on(text) and len(text) >= 4


class Nothing:
    tries = 64

    def may_go_on(self, text):
        return False

    may_end = may_go_on


def run(architecture, settings, constraints, only=(0, 1, 2, 3, 4), slots=None):
    tokenizer = make_tokenizer()
    prompts = [PROMPTS[row] for row in only]
    width = max(map(len, prompts))
    ids = torch.tensor([[0] * (width - len(prompt)) + prompt for prompt in prompts])
    mask = torch.tensor([[0] * (width - len(prompt)) + [1] * len(prompt) for prompt in prompts])
    given = None if constraints is None else [constraints[row] for row in only]
    decoder = make_tiny(architecture)
    return generate(decoder, tokenizer, ids, mask, settings, torch.tensor(list(only)), slots, given)


def search_alone(architecture, prompt):
    """Independent: one row, no cache; of all tokens in the order of their logits the first that keeps to `Letters`."""
    decoder, tokenizer, letters = make_tiny(architecture), make_tokenizer(), Letters()
    ids, score = [], 0.0
    for _ in range(GREEDY.max_new_tokens):
        with torch.no_grad():
            logits = decoder(torch.tensor([prompt + ids]), use_cache=False).logits[0, -1].float().clone()
        logits[never_generated(decoder, tokenizer)] = -torch.inf
        now = tokenizer.decode(ids, skip_special_tokens=True)
        for token in logits.argsort(descending=True).tolist():
            text = tokenizer.decode([*ids, token], skip_special_tokens=True)
            if letters.may_end(now) if token == 2 else text != now and letters.may_go_on(text):
                break
        ids.append(token)
        score += float(logits.log_softmax(dim=0)[token])
        if token == 2:
            break
    return ids, score


@pytest.mark.parametrize("architecture", ["llama", "gemma3_text"])  # our own decoding, and transformers'
@pytest.mark.parametrize("slots", [1, 2, None])
def test_each_row_gets_the_most_probable_tokens_that_are_allowed(architecture, slots):
    generated = run(architecture, GREEDY, [Letters()] * 5, slots=slots)
    for row, prompt in enumerate(PROMPTS):
        ids, score = search_alone(architecture, prompt)
        assert generated.ids[row, : generated.num_tokens[row]].tolist() == ids
        assert generated.score[row].item() == pytest.approx(score, abs=1e-3)
    assert (generated.replaced > 0).any()


@pytest.mark.parametrize("settings", [GREEDY, SAMPLE], ids=lambda one: one.strategy)
def test_rows_without_constraint_and_rows_given_up_are_as_if_there_were_none(settings):
    free = run("llama", settings, None)
    mixed = run("llama", settings, [None, Letters(), Nothing(), None, Letters()], slots=2)
    for row in (0, 2, 3):
        assert mixed.text[row] == free.text[row]
        assert mixed.score[row].item() == pytest.approx(free.score[row].item(), abs=1e-3)
    assert mixed.replaced.tolist()[:4:3] == [0, 0]
    assert mixed.replaced[2] == -1
    assert free.replaced.tolist() == [0] * 5


def test_draws_keep_to_it_too_and_do_not_depend_on_other_rows():
    drawn = run("llama", SAMPLE, [Letters()] * 5, slots=2)
    held = [text for text, replaced in zip(drawn.text, drawn.replaced.tolist(), strict=True) if replaced >= 0]
    assert len(held) >= 3
    assert all(Letters().may_go_on(text) for text in held)
    for row in range(5):
        assert run("llama", SAMPLE, [Letters()] * 5, [row]).text == [drawn.text[row]]


def test_a_row_ends_rather_than_being_given_up():
    class Short(Letters):
        def may_go_on(self, text):
            return super().may_go_on(text) and len(text) <= 4

    generated = run("llama", GREEDY, [Short()] * 5)
    assert generated.stopped.all()
    assert all(len(text) == 4 for text in generated.text)
    Short.tries = 1
    found = constrained.ConstrainedChooser(
        lambda logits, rows, steps, last: (logits.argmax(dim=1), logits.max(dim=1).values),
        [Short()],
        lambda ids: "ab" * len(ids),
        2,
    )
    logits = torch.tensor([[0.0, 0.0, -9.0, 5.0, 4.0]])
    first, last = torch.tensor([0]), torch.tensor([-1])
    tokens = [int(found(logits.clone(), first, torch.tensor([step]), last)[0]) for step in range(3)]
    assert tokens == [3, 3, 2]


def test_beams_cannot_be_constrained():
    with pytest.raises(ValueError, match="only_valid to be false with strategy beam"):
        GenerationSettings(strategy="beam", only_valid=True)
    with pytest.raises(ValueError, match=r"abstain_below to be in \(0, 1\]"):
        replace(GREEDY, abstain_below=1.5)
