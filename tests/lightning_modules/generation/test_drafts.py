"""With the target as a draft a row gets the answer that it gets without, however right the target is."""

from __future__ import annotations

import random
from functools import cache
from typing import Any

import pytest
import torch
from transformers import PreTrainedModel, PreTrainedTokenizerBase

from lightning_modules.evaluation import Evaluator
from lightning_modules.generation.constrained import Constraint
from lightning_modules.generation.drafts import Begun, follow_drafts, takes_drafts
from lightning_modules.generation.generate import GenerationSettings, generate, make_drafts
from tests.helpers.tiny import ARCHITECTURES, CONTEXT, make_batch, make_tiny, make_tokenizer

RNG = random.Random(0)
PROMPTS = [[1, *(RNG.randrange(5, 280) for _ in range(RNG.randrange(1, 30)))] for _ in range(12)]
SHARED = [1, *range(100, 120)]
"""Long enough to be encoded apart, as demonstrations are."""
STEPS = 20
GREEDY = GenerationSettings(max_new_tokens=STEPS)
KINDS = ("right", "wrong at first", "wrong at last", "wrong within", "too short", "too long")


class Plain:
    """A constraint: only letters that are not in capitals, at most 9 bytes."""

    tries = 64

    def may_go_on(self, text: str) -> bool:
        return text.islower() and len(text) < 9

    def may_end(self, text: str) -> bool:
        return len(text) > 2


class Never:
    """A constraint that nothing keeps, so that the row is given up at its first token."""

    tries = 2

    def may_go_on(self, text: str) -> bool:
        return False

    may_end = may_go_on


@cache
def decoder_of(architecture: str) -> PreTrainedModel:
    """A tiny decoder; tied weights would let Gemma repeat a prompt's last token forever."""
    return make_tiny(architecture, tie_word_embeddings=architecture != "gemma3_text")


@cache
def tokenizer_of(architecture: str) -> PreTrainedTokenizerBase:
    """One whose stop token ends the decoder's answers at different steps."""
    tokenizer = make_tokenizer()
    rows = answer(decoder_of(architecture), tokenizer, PROMPTS).ids.tolist()
    ends = {token: {row.index(token) for row in rows if token in row} for row in rows for token in row}
    stop = max(ends, key=lambda token: len(ends[token]))
    assert len(ends[stop]) > 2, "rows must end at different steps"
    tokenizer.eos_token = tokenizer.convert_ids_to_tokens(stop)
    return tokenizer


def answer(decoder: PreTrainedModel, tokenizer: PreTrainedTokenizerBase, prompts: list[list[int]]) -> Any:
    batch = make_batch([(prompt, []) for prompt in prompts], tokenizer.pad_token_id)
    return generate(decoder, tokenizer, batch["prompt_ids"], batch["prompt_mask"], GREEDY)


def make_target(own: list[int], kind: str, stop: int) -> list[int]:
    """A target that differs from the decoder's own answer in a certain way."""
    body = own[:-1] if own[-1] == stop else own
    other = [token + 1 if token + 1 != stop else token + 2 for token in body]
    changed = {
        "right": body, "wrong at first": other[:1] + body[1:], "wrong at last": body[:-1] + other[-1:],
        "wrong within": body[: len(body) // 2] + other[len(body) // 2 :],
        "too short": body[: len(body) // 2], "too long": body + body[:1] * 5,
    }  # fmt: skip
    return [*changed[kind], stop]


def make_case(
    architecture: str, prefix: list[int], constraints: list[Constraint | None] | None = None
) -> tuple[PreTrainedModel, PreTrainedTokenizerBase, dict[str, Any]]:
    """A decoder, its tokenizer, and a batch with all kinds of targets, one a filler's."""
    decoder, tokenizer = decoder_of(architecture), tokenizer_of(architecture)
    prompts = [[*prefix, *prompt] for prompt in PROMPTS]
    batch = make_batch([(prompt, []) for prompt in prompts], tokenizer.pad_token_id)
    own = generate(
        decoder, tokenizer, batch["prompt_ids"], batch["prompt_mask"], GREEDY, constraints=constraints
    )
    rows = []
    for number, prompt in enumerate(prompts):
        ids = own.ids[number, : own.num_tokens[number]].tolist()
        rows.append((prompt, make_target(ids, KINDS[number % len(KINDS)], tokenizer.eos_token_id)))
    return decoder, tokenizer, make_batch(rows, tokenizer.pad_token_id, [*range(len(rows) - 1), -1])


def compare(
    case: tuple[PreTrainedModel, PreTrainedTokenizerBase, dict[str, Any]],
    settings: GenerationSettings,
    constraints: list[Constraint | None] | None = None,
) -> Begun:
    """Answer with drafts and without; return what the drafts found."""
    decoder, tokenizer, batch = case
    evaluator = Evaluator(decoder, tokenizer, settings)
    drafts = make_drafts(decoder, tokenizer, batch["prompt_mask"], settings, constraints)
    assert drafts is not None
    alone, losses = evaluator.compute_loss(batch), evaluator.compute_loss(batch, drafts)
    assert all(torch.equal(one, other) for one, other in zip(alone, losses, strict=True))
    arguments = decoder, tokenizer, batch["prompt_ids"], batch["prompt_mask"], settings
    slots = batch.get("slots")
    plain = generate(*arguments, slots=slots, constraints=constraints)
    found = generate(*arguments, slots=slots, constraints=constraints, begun=drafts.begun)
    assert found.text == plain.text
    for name in ("ids", "stopped", "num_tokens", "replaced"):
        assert torch.equal(getattr(found, name), getattr(plain, name)), name
    torch.testing.assert_close(found.score, plain.score, rtol=0, atol=1e-4)
    return drafts.begun


@pytest.mark.pitfall(13)
@pytest.mark.parametrize("limit", [1, 5, STEPS, STEPS + 9])
@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_answers_are_those_of_plain_decoding(architecture: str, limit: int) -> None:
    case = make_case(architecture, [])
    begun = compare(case, GenerationSettings(max_new_tokens=limit))
    own = answer(case[0], case[1], PROMPTS)
    right = [number for number in range(len(PROMPTS) - 1) if KINDS[number % len(KINDS)] == "right"]
    for number in right:
        kept = min(limit, int(own.num_tokens[number]))
        assert begun.to_lists()[number][:kept] == own.ids[number, :kept].tolist()
    assert begun.counts[1] == 1, "of a target that is wrong at first, the right token is known"
    assert begun.counts[-1] == 0, "a filler row has no target"


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_a_shared_prefix_and_few_slots_change_nothing(architecture: str) -> None:
    decoder, tokenizer, batch = make_case(architecture, SHARED)
    compare((decoder, tokenizer, batch | {"slots": 3}), GREEDY)


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_constraints_go_on_where_the_draft_ends(architecture: str) -> None:
    constraints = [[Plain(), None, Plain(), Never()][number % 4] for number in range(len(PROMPTS))]
    begun = compare(make_case(architecture, [], constraints), GREEDY, constraints)
    assert (begun.replaced > 0).any()
    assert (begun.replaced < 0).any()


@pytest.mark.parametrize("supervised", ["all", "some"])
def test_prompts_may_be_supervised_too(supervised: str) -> None:
    decoder, tokenizer, batch = make_case("llama", SHARED)
    lengths = batch["prompt_mask"].sum(dim=1)
    places = torch.arange(batch["labels"].shape[1])
    shown = places < lengths[:, None] if supervised == "all" else (places > 4) & (places < 9)
    shown[-1] = False
    labels = torch.where(shown, batch["input_ids"], batch["labels"])
    begun = compare((decoder, tokenizer, batch | {"labels": labels}), GREEDY)
    assert begun.counts[0] > 1


@pytest.mark.parametrize("architecture", ["llama", "opt", "gemma3_text"])
def test_a_context_that_ends_within_the_answer(architecture: str) -> None:
    prefix = [1, *range(5, 5 + CONTEXT - 2 - max(map(len, PROMPTS)) - 4)]
    decoder, tokenizer, batch = make_case(architecture, prefix)
    compare((decoder, tokenizer, {**batch, **_cut(batch)}), GREEDY)


def _cut(batch: dict[str, Any]) -> dict[str, Any]:
    """Targets as long as the context lets them be, as the data's length limit does."""
    return {name: batch[name][:, :CONTEXT] for name in ("input_ids", "labels")}


def test_no_pass_is_made_for_targets_that_are_right() -> None:
    decoder, tokenizer = decoder_of("llama"), tokenizer_of("llama")
    own = answer(decoder, tokenizer, PROMPTS)
    ended = own.stopped.nonzero()[:, 0].tolist()
    rows = [(PROMPTS[number], own.ids[number, : own.num_tokens[number]].tolist()) for number in ended]
    batch, passes = make_batch(rows, tokenizer.pad_token_id), []
    evaluator = Evaluator(decoder, tokenizer, GREEDY)
    drafts = evaluator.make_drafts(batch)
    assert drafts is not None
    handle = decoder.register_forward_pre_hook(lambda *_: passes.append(None))
    evaluator.compute_loss(batch, drafts)
    found = evaluator.answer(batch, begun=drafts.begun)
    handle.remove()
    assert found["num_tokens"].tolist() == own.num_tokens[ended].tolist()
    assert len(passes) == 1


def test_the_first_of_several_answers_is_drafted() -> None:
    settings = GenerationSettings(max_new_tokens=STEPS, candidates=3, temperature=0.7)
    decoder, tokenizer, batch = make_case("llama", [])
    evaluator = Evaluator(decoder, tokenizer, settings)
    drafts = evaluator.make_drafts(batch)
    evaluator.compute_loss(batch, drafts)
    assert drafts is not None
    plain = evaluator.answer(batch, with_candidates=True)["candidates"]
    found = evaluator.answer(batch, with_candidates=True, begun=drafts.begun)["candidates"]
    assert [[one.text for one in row] for row in found] == [[one.text for one in row] for row in plain]


def test_draws_beams_blocks_and_choices_take_no_drafts() -> None:
    assert takes_drafts(GREEDY)
    for other in ({"strategy": "sample"}, {"strategy": "beam"}, {"block": 0.5}):
        assert not takes_drafts(GenerationSettings(**other))
    decoder, tokenizer, batch = make_case("llama", [])
    assert make_drafts(decoder, tokenizer, batch["prompt_mask"], GenerationSettings(strategy="beam")) is None
    evaluator = Evaluator(decoder, tokenizer, GREEDY)
    assert evaluator.make_drafts(batch | {"choice_ids": batch["input_ids"]}) is None
    assert evaluator.make_drafts({"input_ids": batch["input_ids"]}) is None
    assert evaluator.make_drafts(batch) is not None


def test_a_row_is_followed_to_its_first_difference_and_to_its_stop_token() -> None:
    def choose(logits: Any, rows: Any, steps: Any, last: Any) -> tuple[torch.Tensor, torch.Tensor]:
        seen.append((rows.tolist(), steps.tolist(), last.tolist()))
        return logits.argmax(dim=1), logits.max(dim=1).values

    seen: list[Any] = []
    logits = torch.eye(6)[[3, 4, 2, 3, 5, 2]]
    drafts = torch.tensor([[3, 4, 2], [3, 4, 2]])
    ids, log_prob = follow_drafts(
        choose, logits, torch.tensor([0, 3]), drafts, torch.tensor([7, 8]), torch.tensor([9, 9]), stop=2
    )
    assert ids.tolist() == [[3, 4, 2], [3, 5, -1]]
    assert log_prob.tolist() == [[1, 1, 1], [1, 1, 0]]
    assert seen == [([7, 8], [0, 0], [-1, -1]), ([7, 8], [1, 1], [3, 3]), ([7], [2], [4])]
