from __future__ import annotations

import itertools
from dataclasses import replace

import pytest
import torch

from lightning_modules.decoder.decoders import never_generated
from lightning_modules.generation.blocking import Blocks, find_source_ids
from lightning_modules.generation.candidates import draw_candidates
from lightning_modules.generation.generate import GenerationSettings, generate
from tests.helpers.tiny import make_batch, make_rows, make_tiny, make_tokenizer

TEXTS = ["CCO is a word", "c1ccccc1", "4-chloro-2-methylphenol", "N", "a b a b a b"]
GREEDY = GenerationSettings(max_new_tokens=12)
SAMPLE = GenerationSettings(strategy="sample", temperature=1.3, max_new_tokens=12)
FREE = pytest.mark.parametrize("settings", [GREEDY, SAMPLE], ids=lambda one: one.strategy)
BOTH = pytest.mark.parametrize(
    "architecture", ["llama", "gemma3_text"]
)  # our own decoding, and transformers'


def ask(only=(0, 1, 2, 3, 4), architecture="llama"):
    tokenizer = make_tokenizer(False)
    pairs = [(f"{TEXTS[row]}:", "x") for row in only]
    batch = make_batch(make_rows(tokenizer, pairs), tokenizer.pad_token_id, list(only))
    return make_tiny(architecture).eval(), tokenizer, batch["prompt_ids"], batch["prompt_mask"]


def run(settings, sources, only=(0, 1, 2, 3, 4), architecture="llama", slots=None, constraints=None):
    given = None if sources is None else [sources[row] for row in only]
    limits = None if constraints is None else [constraints[row] for row in only]
    index = torch.tensor(list(only))
    return generate(*ask(only, architecture), settings, index, slots, limits, given)


def own_words(settings, architecture="llama"):
    """What each row would write freely, as its source: so blocking has something to forbid."""
    free = run(settings, None, architecture=architecture)
    return free, [("", text) for text in free.text]


def forbidden_by_hand(source, block, seed, row):
    """Independent: the pairs of a row by its own generator."""
    draws = torch.rand(
        len(source) - 1, generator=torch.Generator().manual_seed(seed * 1_000_003 + row + 0x9E3779B9)
    )
    return {
        pair for pair, draw in zip(itertools.pairwise(source), draws.tolist(), strict=True) if draw < block
    }


def search_alone(architecture, row, source, settings):
    """Independent: one row, no cache, greedy; of the tokens that the pairs allow the most probable one."""
    decoder, tokenizer, prompts, mask = ask((row,), architecture)
    prompt = prompts[0][mask[0].bool()].tolist()
    pairs = forbidden_by_hand(find_source_ids(tokenizer, source), settings.block, settings.seed, row)
    ids, score = [], 0.0
    for _ in range(settings.max_new_tokens):
        with torch.no_grad():
            logits = decoder(torch.tensor([prompt + ids]), use_cache=False).logits[0, -1].float().clone()
        logits[never_generated(decoder, tokenizer)] = -torch.inf
        order = logits.argsort(descending=True).tolist()
        token = next(one for one in order if not ids or (ids[-1], one) not in pairs)
        ids.append(token)
        score += float(logits.log_softmax(dim=0)[token])  # of the plain model
        if token == tokenizer.eos_token_id:
            break
    return ids, score


@BOTH
@pytest.mark.parametrize("slots", [1, 2, None])
def test_each_row_gets_the_most_probable_tokens_that_are_not_forbidden(architecture, slots):
    free, sources = own_words(GREEDY, architecture)
    settings = replace(GREEDY, block=0.6, seed=5)
    blocked = run(settings, sources, architecture=architecture, slots=slots)
    for row, source in enumerate(sources):
        ids, score = search_alone(architecture, row, source, settings)
        assert blocked.ids[row, : blocked.num_tokens[row]].tolist() == ids
        assert blocked.score[row].item() == pytest.approx(score, abs=1e-3)
    assert blocked.text != free.text


@FREE
@BOTH
def test_block_0_and_rows_without_a_source_are_bit_equal_to_none(settings, architecture):
    free, sources = own_words(settings, architecture)
    nothing = run(replace(settings, block=0.0), sources, architecture=architecture)
    for block, given in (
        (1e-9, sources),
        (1.0, [None] * 5),
        (1.0, [("", "")] * 5),
    ):  # the rule runs and forbids nothing
        ruled = run(replace(settings, block=block), given, architecture=architecture)
        for found in (nothing, ruled):
            assert torch.equal(found.ids, free.ids)
            assert torch.equal(found.score, free.score)
            assert found.text == free.text


@FREE
def test_of_all_positions_no_pair_of_the_source_comes_out(settings):
    _, sources = own_words(settings)
    tokenizer = make_tokenizer(False)
    blocked = run(replace(settings, block=1.0), sources)
    for row, source in enumerate(sources):
        tokens = find_source_ids(tokenizer, source)
        made = blocked.ids[row, : blocked.num_tokens[row]].tolist()
        assert not set(itertools.pairwise(made)) & set(itertools.pairwise(tokens))


@FREE
def test_a_row_depends_on_seed_and_index_and_not_on_the_rows_beside_it(settings):
    _, sources = own_words(settings)
    settings = replace(settings, block=0.5, seed=3)
    together = run(settings, sources)
    for slots in (1, 2):
        assert run(settings, sources, slots=slots).text == together.text
    assert run(settings, sources, (4, 2, 0)).text == [together.text[row] for row in (4, 2, 0)]
    for row in range(5):
        assert run(settings, sources, (row,)).text == [together.text[row]]
    assert run(replace(settings, seed=4), sources).text != together.text


def test_the_pairs_are_those_of_the_sampled_positions():
    source = [5, 6, 7, 5, 8, 6, 7]
    for row in range(20):
        blocks = Blocks([[9] * 30, source], 0.5, seed=2, rows=[99, row])
        pairs = {
            (first, token)
            for first in range(10)
            for token in (blocks.forbid(torch.zeros(1, 10), torch.tensor([1]), torch.tensor([first]))[0] < 0)
            .nonzero()[:, 0]
            .tolist()
        }
        assert pairs == forbidden_by_hand(source, 0.5, 2, row)
    nothing = Blocks([source], 1.0, seed=0, rows=[0]).forbid(
        torch.ones(1, 10), torch.tensor([0]), torch.tensor([-1])
    )
    assert torch.equal(nothing, torch.ones(1, 10))


def test_a_source_has_the_tokens_that_it_would_have_in_an_answer():
    tokenizer = make_tokenizer(False)
    for before in ("", " ", "\nAnswer: "):
        tokens = find_source_ids(tokenizer, (before, TEXTS[2]))
        whole = tokenizer(before + TEXTS[2], add_special_tokens=False)["input_ids"]
        assert whole[len(whole) - len(tokens) :] == tokens
        assert tokenizer.decode(tokens).strip() == TEXTS[2]


@FREE
def test_candidates_have_positions_of_their_own_and_keep_the_strategy(settings):
    _, sources = own_words(settings)
    settings = replace(settings, block=0.5, candidates=4, seed=7)
    index = torch.arange(5)
    own = run(settings, sources)
    found = draw_candidates(*ask(), settings, index, own, sources=sources)
    assert [row[0].text for row in found] == own.text
    for number in range(1, 4):
        alone = run(replace(settings, seed=7 + number, candidates=1), sources)
        assert [row[number].text for row in found] == alone.text
    assert any(len({one.text for one in row}) > 2 for row in found)


class NoDigits:
    """Any text without a digit or a letter a."""

    tries = 400

    def may_go_on(self, text):
        return not any(letter.isdigit() or letter == "a" for letter in text)

    may_end = may_go_on


@FREE
@BOTH
def test_a_constraint_and_blocks_hold_together(settings, architecture):
    limits = [NoDigits()] * 5
    held = run(settings, None, architecture=architecture, constraints=limits)
    sources = [("", text) for text in held.text]
    tokenizer = make_tokenizer(False)
    both = run(replace(settings, block=1.0), sources, architecture=architecture, constraints=limits)
    assert both.text != held.text
    for row, source in enumerate(sources):
        assert both.replaced[row] >= 0
        assert NoDigits().may_go_on(both.text[row])
        tokens = find_source_ids(tokenizer, source)
        made = both.ids[row, : both.num_tokens[row]].tolist()
        assert not set(itertools.pairwise(made)) & set(itertools.pairwise(tokens))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"block": 1.5}, r"generation.block to be in \[0, 1\], but got 1.5"),
        ({"block": float("nan")}, r"block to be in \[0, 1\]"),
        ({"block": 0.5, "strategy": "beam"}, r"block 0\.5 without only_from and without strategy beam"),
        ({"block": 0.5, "only_from": "input"}, r"block 0\.5 without only_from"),
        (
            {"block": 0.5, "candidates": 4, "temperature": 0.5},
            "temperature=0.5 has no effect with strategy 'greedy'",
        ),
        ({"block": 0.0, "seed": 4}, "seed=4 has no effect with strategy 'greedy'"),
    ],
)
def test_settings_that_cannot_block_or_do_nothing_are_errors(arguments, message):
    with pytest.raises(ValueError, match=message):
        GenerationSettings(**arguments)


def test_settings_of_a_model_that_no_callback_knows_forbid_nothing():
    settings = GenerationSettings(block=0.5, seed=4, only_valid=True)
    assert settings.as_plain() == GenerationSettings()
    assert replace(SAMPLE, block=0.5, seed=4).as_plain() == replace(SAMPLE, seed=4)
