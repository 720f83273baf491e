"""The slots: whatever their number, the order and the neighbours, a row gets the text it gets alone."""

from __future__ import annotations

import random
from functools import cache
from typing import NamedTuple

import pytest
import torch
from transformers import GenerationConfig, PreTrainedModel

from lightning_modules.decoder.decoders import never_generated
from lightning_modules.generation import continuous_batching, kv_cache
from lightning_modules.generation import generate as generation
from lightning_modules.generation.generate import Generated, GenerationSettings, generate
from tests.helpers.tiny import ARCHITECTURES, CONTEXT, make_tiny, make_tokenizer

LISTED = [name for name in ARCHITECTURES if name != "gemma3_text"]  # it has a sliding window
RNG = random.Random(0)
PROMPTS = [[1, *(RNG.randrange(5, 280) for _ in range(RNG.randrange(1, 40)))] for _ in range(17)]
SHARED = (1, *range(100, 120))  # long enough to be encoded apart
STEPS = 24
GREEDY = GenerationSettings(max_new_tokens=STEPS)
SAMPLE = GenerationSettings(strategy="sample", temperature=0.8, top_p=0.95, max_new_tokens=STEPS)


class Case(NamedTuple):
    decoder: PreTrainedModel
    prompts: list[list[int]]
    stop: int
    answers: list[list[int]]


@cache
def case(architecture: str, prefix: tuple[int, ...] = ()) -> Case:
    """A tiny decoder, prompts, and a stop token with which its answers are of very different length."""
    decoder = make_tiny(architecture)
    prompts = [[*prefix, *prompt] for prompt in PROMPTS]
    endless = [by_transformers(decoder, prompt) for prompt in prompts]
    ends = {token: [row.index(token) for row in endless if token in row] for row in endless for token in row}
    stop = max(ends, key=lambda token: len(set(ends[token])))
    assert len(set(ends[stop])) > 2, "rows must end at different steps"
    answers = [row[: row.index(stop) + 1] if stop in row else row for row in endless]
    return Case(decoder, prompts, stop, answers)


def run(
    decoder: PreTrainedModel,
    prompts: list[list[int]],
    settings: GenerationSettings,
    stop: int | None = None,
    **options: object,
) -> Generated:
    tokenizer = make_tokenizer()
    if stop is not None:
        tokenizer.eos_token = tokenizer.convert_ids_to_tokens(stop)
    width = max(map(len, prompts))
    ids = [[tokenizer.pad_token_id] * (width - len(prompt)) + prompt for prompt in prompts]
    mask = [[0] * (width - len(prompt)) + [1] * len(prompt) for prompt in prompts]
    return generate(decoder, tokenizer, torch.tensor(ids), torch.tensor(mask), settings, **options)  # type: ignore[arg-type]


def completions(generated: Generated) -> list[list[int]]:
    return [
        row[:count] for row, count in zip(generated.ids.tolist(), generated.num_tokens.tolist(), strict=True)
    ]


def by_transformers(decoder: PreTrainedModel, prompt: list[int]) -> list[int]:
    """Independent: transformers' greedy generation of one row alone, without a stop token."""
    assert decoder.generation_config is not None
    decoder.generation_config.eos_token_id = None  # or it would be taken where the other says None
    config = GenerationConfig(
        max_new_tokens=STEPS,
        pad_token_id=make_tokenizer().pad_token_id,
        suppress_tokens=never_generated(decoder, make_tokenizer()),
    )
    return decoder.generate(torch.tensor([prompt]), generation_config=config)[0, len(prompt) :].tolist()


def test_every_listed_architecture_is_tested() -> None:
    assert {make_tiny(name).config.model_type for name in LISTED} == set(continuous_batching.DECODABLE)
    assert all(continuous_batching.can_decode(make_tiny(name)) for name in LISTED)


def test_sliding_windows_are_left_to_transformers() -> None:
    window = {"use_sliding_window": True, "sliding_window": 8, "max_window_layers": 0}
    assert not continuous_batching.can_decode(make_tiny("qwen3", **window))
    assert not continuous_batching.can_decode(make_tiny("gemma3_text"))


@pytest.mark.parametrize("prefix", [(), SHARED], ids=["apart", "shared"])
@pytest.mark.parametrize("architecture", LISTED)
def test_few_slots_give_what_transformers_gives_a_row_alone(
    architecture: str, prefix: tuple[int, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(generation, "generate_through_transformers", None)  # nothing falls back
    decoder, prompts, stop, answers = case(architecture, prefix)
    generated = run(decoder, prompts, GREEDY, stop, slots=4)
    assert completions(generated) == answers
    assert generated.stopped.tolist() == [row[-1] == stop for row in answers]


@pytest.mark.pitfall(13)
@pytest.mark.parametrize("settings", [GREEDY, SAMPLE], ids=lambda s: s.strategy)
@pytest.mark.parametrize("architecture", LISTED)
def test_slots_order_and_neighbours_do_not_matter(architecture: str, settings: GenerationSettings) -> None:
    decoder, prompts, stop, _ = case(architecture)
    reference = run(decoder, prompts, settings, stop)
    order = list(range(len(prompts)))
    random.Random(1).shuffle(order)
    for slots, chosen in ((1, order[:3]), (3, order), (7, order[2:])):
        rows = torch.tensor(chosen)
        other = run(decoder, [prompts[row] for row in chosen], settings, stop, row_index=rows, slots=slots)
        assert other.text == [reference.text[row] for row in chosen]
        assert other.num_tokens.tolist() == reference.num_tokens[rows].tolist()
        torch.testing.assert_close(other.score, reference.score[rows], rtol=0, atol=1e-4)


def test_what_is_done_for_a_gpu_changes_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """There it looks seldom for finished rows, and takes the longest prompts first."""
    decoder, prompts, stop, answers = case("opt")
    expected = run(decoder, prompts, GREEDY, stop, slots=4)
    monkeypatch.setattr(continuous_batching, "runs_ahead", lambda device: True)
    seldom = run(decoder, prompts, GREEDY, stop, slots=4)
    assert completions(seldom) == answers
    torch.testing.assert_close(seldom.score, expected.score, rtol=0, atol=1e-4)


@pytest.mark.parametrize("architecture", ["llama", "gpt_neo", "bloom"])
def test_buffers_that_fill_up_are_repacked(architecture: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kv_cache, "SPARE", 2)
    decoder, prompts, stop, answers = case(architecture)
    assert completions(run(decoder, prompts, GREEDY, stop, slots=4)) == answers


@pytest.mark.parametrize("strategy", ["greedy", "sample", "beam"])
@pytest.mark.parametrize("architecture", ["opt", "bloom", "gpt_neo"])
def test_each_row_has_the_room_that_its_own_prompt_leaves(architecture: str, strategy: str) -> None:
    decoder = make_tiny(architecture)
    decoder.config.max_position_embeddings = CONTEXT  # BLOOM has no limit of its own
    with torch.no_grad():  # it never stops by itself
        decoder.get_output_embeddings().weight[make_tokenizer().eos_token_id] = 0
    options = {"num_beams": 2} if strategy == "beam" else {}
    settings = GenerationSettings(strategy=strategy, max_new_tokens=9, **options)  # type: ignore[arg-type]
    long, almost, short = [7] * 125, [8] * 121, [9] * 5
    together = run(decoder, [short, long, almost, short], settings, slots=2)
    assert together.num_tokens.tolist() == [9, 3, 7, 9]


@pytest.mark.parametrize("settings", [GREEDY, SAMPLE], ids=lambda s: s.strategy)
@pytest.mark.parametrize("why", ["architecture", "attention"])
def test_what_is_not_listed_goes_through_transformers(
    why: str, settings: GenerationSettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    decoder, prompts, stop, answers = case("llama")
    expected = run(decoder, prompts, settings, stop)
    if why == "architecture":
        monkeypatch.setattr(continuous_batching, "DECODABLE", ("opt",))
    else:
        monkeypatch.setattr(continuous_batching, "ATTENTIONS", ())
    monkeypatch.setattr(generation, "decode", None)
    fallen_back = run(decoder, prompts, settings, stop, slots=4)
    assert settings is SAMPLE or completions(fallen_back) == answers
    assert completions(fallen_back) == completions(expected)
    torch.testing.assert_close(fallen_back.score, expected.score, rtol=0, atol=1e-4)


@pytest.mark.parametrize("weights", ["bfloat16", "float32"])
@pytest.mark.parametrize("architecture", ["llama", "gpt2", "opt", "bloom"])
def test_half_precision_decodes_as_transformers_does(
    architecture: str, weights: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With bf16 weights, or fp32 ones under autocast. Roundings differ, so that ties may break differently."""
    _, prompts, stop, _ = case(architecture)
    decoder = make_tiny(architecture).to(getattr(torch, weights))
    with torch.autocast("cpu", torch.bfloat16, enabled=weights == "float32"):
        generated = run(decoder, prompts, GREEDY, stop, slots=4)
        monkeypatch.setattr(continuous_batching, "DECODABLE", ())
        expected = run(decoder, prompts, GREEDY, stop, slots=4)
    pairs = zip(completions(generated), completions(expected), strict=True)
    same = torch.tensor([mine == theirs for mine, theirs in pairs])
    assert same.float().mean() > 0.7
    torch.testing.assert_close(generated.score[same], expected.score[same], rtol=0.05, atol=0.5)
